// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/authorizer.hpp>
#include <tidings/http/exchange.hpp>

#include <optional>

namespace tidings::http {

/// Who makes the request, by `a`, or by `loopback_only()` where `a` is empty. Nothing: the exchange
/// has been answered 401 (RFC 9110 11.6.1) and is empty. Two Authorization fields count as none.
TIDINGS_DECL std::optional<principal> authenticate(exchange& x, const authenticator& a);

}  // namespace tidings::http
