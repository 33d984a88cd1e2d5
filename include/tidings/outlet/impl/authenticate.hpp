// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/exchange.hpp>
#include <tidings/outlet/impl/access.hpp>

#include <optional>
#include <string>

namespace tidings::http {

/// Whether the request is this machine's to itself: see `credentials::loopback`.
TIDINGS_DECL bool is_local(const exchange& x);

/// Whose question one about the request is, while its principal is not known, or has no name.
TIDINGS_DECL std::string asker_of(const exchange& x);

/// What an authenticator may see of a request, as long as that stays where it is. Of two
/// Authorization fields it has none.
struct request_credentials {
    TIDINGS_DECL explicit request_credentials(const exchange& x);
    request_credentials(const request_credentials&) = delete;
    request_credentials& operator=(const request_credentials&) = delete;

    std::string cookie;
    std::string remote_address;
    credentials view;
};

/// The answer to a caller that was not identified: 401 (RFC 9110 11.6.1), 421 where only the Host
/// is not this machine's, 403 where a proxy made the request for another, 503 where there is no
/// answer whether it is allowed.
TIDINGS_DECL response refusal_of(const exchange& x, error_code ec);

/// The answer where there is no answer yet: 503, with Retry-After.
TIDINGS_DECL response undecided(error_code ec);

/// Writes the caller to the parameter `who`, found by a plain `a`, or by `loopback_only()` where
/// `a` is empty; else the answer to give.
TIDINGS_DECL std::optional<response> authenticate(const exchange& x, const authenticator& a,
                                                  principal& who);

/// In the lane: calls `done` with what the authorizer says, at once if it is a plain function. The
/// exchange has moved away when this returns, unless `done` left it there.
TIDINGS_DECL void ask(exchange& x, const detail::access_state& a, detail::permissions_wanted wanted,
                      unique_function<void(exchange&, const detail::permissions&)> done);

/// In the lane: calls `go_on` where the authorizer grants everything that is wanted, at once if it
/// is a plain function; else answers 403 or 503. The exchange has moved away when this returns,
/// unless `go_on` left it there.
TIDINGS_DECL void permit(exchange& x, const detail::access_state& a,
                         detail::permissions_wanted wanted,
                         unique_function<void(exchange&, detail::expiry_time)> go_on);

}  // namespace tidings::http
