// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/authorizer.hpp>
#include <tidings/http/exchange.hpp>

#include <optional>

namespace tidings::http {

/// Whether the request is this machine's to itself: see `credentials::loopback`.
TIDINGS_DECL bool is_local(const exchange& x);

/// Who makes the request, in `who`, by `a`, or by `loopback_only()` where `a` is empty; else the
/// answer to give, 401 (RFC 9110 11.6.1), or 421 where only the Host is not this machine's. Two
/// Authorization fields count as none.
TIDINGS_DECL std::optional<response> authenticate(const exchange& x, const authenticator& a,
                                                  principal& who);

}  // namespace tidings::http
