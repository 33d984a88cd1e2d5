// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/http/message.hpp>

#include <chrono>
#include <string_view>

namespace tidings::webhook {

/// What a signature is made of.
struct signing_input {
    std::string_view id{};  ///< the same on every attempt to deliver an event
    std::chrono::system_clock::time_point attempt{};
    std::string_view body{};  ///< the bytes that are sent
};

/// Signs a delivery. Implementations are safe from any thread.
class signer {
 public:
    virtual ~signer() = default;

    /// Sets the fields of the signature in `out`. Errors: each that its own kind lists, and
    /// errc::out_of_memory; `out` may have some of the fields then.
    [[nodiscard]] virtual error_code sign(const signing_input& what,
                                          http::fields& out) const noexcept = 0;
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
