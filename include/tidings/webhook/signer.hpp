// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/http/message.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace tidings::webhook {

/// What a signature is made of.
struct signing_input {
    std::string_view id{};  ///< the same on every attempt to deliver an event
    std::chrono::system_clock::time_point attempt{};
    std::string_view body{};          ///< the bytes that are sent
    std::string_view content_type{};  ///< of the body; empty: none is sent
    std::string_view url{};           ///< of the endpoint, as it was given
};

/// Signs a delivery. Implementations are safe from any thread.
class signer {
 public:
    virtual ~signer() = default;

    /// Sets the fields of the signature in `out`. Errors: each that its own kind lists, and
    /// errc::out_of_memory; `out` may have some of the fields then.
    [[nodiscard]] virtual error_code sign(const signing_input& what,
                                          http::fields& out) const noexcept = 0;
    /// The same where what is signed is to stand in the URL, too: `query` is what this delivery has
    /// at the end of its query, `name=value`, where it goes as it is. The sender calls this one.
    [[nodiscard]] virtual error_code sign_with_query(const signing_input& what, http::fields& out,
                                                     std::string& query) const noexcept {
        query.clear();
        return sign(what, out);
    }
    /// Whether it sets a field of this name, which an endpoint may not have among its own then.
    /// `webhook-*` none may.
    virtual bool sets(std::string_view field) const noexcept {
        (void)field;
        return false;
    }

 protected:
    signer() = default;
    signer(const signer&) = default;
    signer& operator=(const signer&) = default;
};

}  // namespace tidings::webhook
