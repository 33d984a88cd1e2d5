// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/authorizer.hpp>
#include <tidings/http/exchange.hpp>

#include <optional>
#include <span>

namespace tidings::http {

/// Whether the request is this machine's to itself: see `credentials::loopback`.
TIDINGS_DECL bool is_local(const exchange& x);

/// Writes the caller to the parameter `who`, found by `a`, or by `loopback_only()` where `a` is
/// empty; else the answer to give: 401 (RFC 9110 11.6.1), 421 where only the Host is not this
/// machine's, 403 where a proxy made it for another. Two Authorization fields count as none.
TIDINGS_DECL std::optional<response> authenticate(const exchange& x, const authenticator& a,
                                                  principal& who);

/// What a service asks of every request by its header alone.
struct admission {
    const tidings::authenticator& authenticator;   ///< empty: `loopback_only()`
    std::span<const std::string> allowed_origins;  ///< empty: the Origin must be the Host
    std::string_view methods;                      ///< for Allow
};

/// Begins every service's work on a request, in its `admit` where the server calls that, else in
/// `handle`: answers OPTIONS (204), a foreign Origin (403), and a caller that is not authenticated;
/// gives every answer its CORS fields; remembers the caller in the exchange. False when the request
/// is answered. Once it is true it costs nothing again.
TIDINGS_DECL bool admit(exchange& x, const admission& a);

}  // namespace tidings::http
