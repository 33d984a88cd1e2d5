// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/webhook/header_lookup.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace tidings::webhook {

/// Decides whether a request comes from a holder of a secret. Implementations are safe from any
/// thread.
class verifier {
 public:
    virtual ~verifier() = default;

    /// Success, or why the request is not to be believed. `body` is the body as received, byte for
    /// byte. Reports each error its own kind lists, and errc::out_of_memory.
    [[nodiscard]] virtual error_code verify(
        const header_lookup& headers, std::string_view body,
        std::chrono::system_clock::time_point now) const noexcept = 0;

    /// Of a request that was verified: what the signature covers and no other attempt shares, so
    /// that the request cannot be repeated with other headers as if it were another. Where only the
    /// body is signed it is the signature, in one spelling. Empty: nothing is remembered, and
    /// a request that was seen may be repeated. What it throws is answered 503.
    virtual std::string attempt_id(const header_lookup&) const { return {}; }

 protected:
    verifier() = default;
    verifier(const verifier&) = default;
    verifier& operator=(const verifier&) = default;
};

}  // namespace tidings::webhook
