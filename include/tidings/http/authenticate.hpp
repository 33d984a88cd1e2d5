// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/authorizer.hpp>
#include <tidings/http/exchange.hpp>

#include <optional>

namespace tidings::http {

/// Who makes the request, in `who`, by `a`, or by `loopback_only()` where `a` is empty; else the
/// answer to give, 401 (RFC 9110 11.6.1). Two Authorization fields count as none.
TIDINGS_DECL std::optional<response> authenticate(const exchange& x, const authenticator& a,
                                                  principal& who);

}  // namespace tidings::http
