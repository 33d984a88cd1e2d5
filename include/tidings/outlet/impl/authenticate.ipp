// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/server/local_request.hpp>
#include <tidings/outlet/impl/authenticate.hpp>
#include <tidings/outlet/impl/origin.hpp>

namespace tidings::http {

bool is_local(const exchange& x) {
    if (!x.loopback() || detail::is_forwarded(x.request())) return false;
    return x.remote_address() == "unix" || detail::names_this_machine(x.request());
}

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
                        .loopback = is_local(x)};
    error_code ec;
    who = a ? a(c, ec) : loopback_only()(c, ec);
    if (!ec) return std::nullopt;
    who = {};
    if (ec == errc::address_not_loopback && x.loopback() && detail::is_forwarded(r))
        return problem(403, "Forbidden",
                       "without an authenticator only this machine's own requests are served, and "
                       "this one came through a proxy: set an authenticator, or allow_anonymous()");
    // DNS rebinding: for a browser, a rebound name is the page's own site.
    if (ec == errc::address_not_loopback && x.loopback())
        return problem(421, "Misdirected Request",
                       "without an authenticator only requests to localhost or a loopback address "
                       "are served, and the Host is neither");
    auto refusal = problem(401, "Unauthorized", ec.message());
    // RFC 6750 3.1: an invalid token is distinguished from none.
    refusal.fields.set("WWW-Authenticate",
                       c.authorization.empty() ? "Bearer" : "Bearer error=\"invalid_token\"");
    return refusal;
}

bool admit(exchange& x, const admission& a) {
    if (x.caller() != nullptr) return true;
    x.answer_fields() = cors_fields(x.request(), a.allowed_origins);
    const auto refuse = [&](response r) {
        x.respond(std::move(r));
        return false;
    };
    if (x.request().method == "OPTIONS")
        return refuse(preflight(x.request(), a.allowed_origins, a.methods));
    if (!origin_allowed(x.request(), a.allowed_origins))
        return refuse(problem(403, "Origin not allowed", x.request().fields.get("Origin")));
    principal who;
    if (auto refused = authenticate(x, a.authenticator, who)) return refuse(std::move(*refused));
    x.caller(std::move(who));
    return true;
}

}  // namespace tidings::http
