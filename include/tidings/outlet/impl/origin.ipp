// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/url.hpp>
#include <tidings/outlet/impl/origin.hpp>

#include <algorithm>

namespace tidings::http {

bool origin_allowed(const request& r, std::span<const std::string> allowed) {
    const auto count = r.fields.count("Origin");
    if (count != 1) return count == 0;
    const auto origin = r.fields.get("Origin");
    if (!allowed.empty()) return std::find(allowed.begin(), allowed.end(), origin) != allowed.end();

    error_code ec;
    const auto page = url::parse(origin, ec);
    const auto authority = origin.substr(std::min(page.scheme.size() + 3, origin.size()));
    if (ec || authority.find_first_of("/?#@") != std::string_view::npos) return false;
    // The Host has no scheme of its own: behind a proxy that ends TLS, the page's is right.
    const auto here = url::parse(page.scheme + "://" + std::string(r.fields.get("Host")), ec);
    return !ec && here.user_info.empty() && here.target == "/" && page.host == here.host &&
           page.port == here.port;
}

}  // namespace tidings::http
