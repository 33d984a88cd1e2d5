// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/url.hpp>
#include <tidings/outlet/impl/origin.hpp>

#include <algorithm>

namespace tidings::http {

namespace {

bool is_listed(const request& r, std::span<const std::string> allowed) {
    return r.fields.count("Origin") == 1 &&
           std::find(allowed.begin(), allowed.end(), r.fields.get("Origin")) != allowed.end();
}

}  // namespace

bool origin_allowed(const request& r, std::span<const std::string> allowed) {
    const auto count = r.fields.count("Origin");
    if (count != 1) return count == 0;
    const auto origin = r.fields.get("Origin");
    if (!allowed.empty()) return is_listed(r, allowed);

    error_code ec;
    const auto page = url::parse(origin, ec);
    const auto authority = origin.substr(std::min(page.scheme.size() + 3, origin.size()));
    if (ec || authority.find_first_of("/?#@") != std::string_view::npos) return false;
    // The Host has no scheme of its own: behind a proxy that ends TLS, the page's is right.
    const auto here = url::parse(page.scheme + "://" + std::string(r.fields.get("Host")), ec);
    return !ec && here.user_info.empty() && here.target == "/" && page.host == here.host &&
           page.port == here.port;
}

fields cors_fields(const request& r, std::span<const std::string> allowed) {
    if (allowed.empty()) return {};
    fields f{{"Vary", "Origin"}};
    if (!is_listed(r, allowed)) return f;
    f.append("Access-Control-Allow-Origin", r.fields.get("Origin"));
    f.append("Access-Control-Allow-Credentials", "true");
    f.append("Access-Control-Expose-Headers",
             "Allow, Link, Location, Retry-After, Tidings-Gap, Tidings-Gap-Position, "
             "Tidings-Position, WWW-Authenticate");
    return f;
}

response preflight(const request& r, std::span<const std::string> allowed,
                   std::string_view methods) {
    response answer{204, {{"Allow", std::string(methods)}}, {}};
    if (!is_listed(r, allowed) || !r.fields.find("Access-Control-Request-Method")) return answer;
    answer.fields.append("Access-Control-Allow-Methods", methods);
    // A listed origin is trusted with every field it wants to send: with credentials, `*` is none.
    if (const auto wanted = r.fields.joined("Access-Control-Request-Headers"); !wanted.empty())
        answer.fields.append("Access-Control-Allow-Headers", wanted);
    answer.fields.append("Access-Control-Max-Age", "600");
    return answer;
}

}  // namespace tidings::http
