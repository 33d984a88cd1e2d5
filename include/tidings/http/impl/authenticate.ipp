// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/authenticate.hpp>

namespace tidings::http {

std::optional<response> authenticate(const exchange& x, const authenticator& a, principal& who) {
    const auto& r = x.request();
    const auto cookie = r.fields.joined("Cookie");
    const auto remote = x.remote_address();
    const bool one = r.fields.count("Authorization") == 1;
    const credentials c{.authorization = one ? r.fields.get("Authorization") : std::string_view(),
                        .cookie = cookie,
                        .query = r.query(),
                        .origin = r.fields.get("Origin"),
                        .remote_address = remote,
                        .loopback = x.loopback()};
    error_code ec;
    who = a ? a(c, ec) : loopback_only()(c, ec);
    if (!ec) return std::nullopt;
    who = {};
    auto refusal = problem(401, "Unauthorized", ec.message());
    // RFC 6750 3.1: a token that came is told apart from none.
    refusal.fields.set("WWW-Authenticate",
                       c.authorization.empty() ? "Bearer" : "Bearer error=\"invalid_token\"");
    return refusal;
}

}  // namespace tidings::http
