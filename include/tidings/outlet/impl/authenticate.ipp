// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/url.hpp>
#include <tidings/outlet/impl/authenticate.hpp>

#include <boost/asio/ip/address.hpp>

namespace tidings::http {

bool is_local(const exchange& x) {
    if (!x.loopback() || x.remote_address() == "unix") return x.loopback();
    const auto& f = x.request().fields;
    if (f.count("Host") == 0) return true;  // HTTP/1.0, as no browser speaks it
    error_code ec;
    const auto here = url::parse("http://" + f.joined("Host"), ec);
    if (ec || !here.user_info.empty() || here.target != "/") return false;
    if (here.host == "localhost") return true;
    const auto address = net::ip::make_address(here.host, ec);
    return !ec && address.is_loopback();
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
    // DNS rebinding: to a browser, whoever has the page's name is the page's own site.
    if (ec == errc::address_not_loopback && x.loopback())
        return problem(421, "Misdirected Request",
                       "without an authenticator only requests to localhost or a loopback address "
                       "are served, and the Host is neither");
    auto refusal = problem(401, "Unauthorized", ec.message());
    // RFC 6750 3.1: a token that came is told apart from none.
    refusal.fields.set("WWW-Authenticate",
                       c.authorization.empty() ? "Bearer" : "Bearer error=\"invalid_token\"");
    return refusal;
}

}  // namespace tidings::http
