// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/url.hpp>
#include <tidings/http/impl/server/local_request.hpp>
#include <tidings/text/impl/ascii.hpp>

#include <boost/asio/ip/address.hpp>

#include <algorithm>

namespace tidings::http::detail {

bool names_this_machine(const request& r) {
    error_code ec;
    const auto here = url::parse("http://" + r.fields.joined("Host"), ec);
    if (ec || !here.user_info.empty() || here.target != "/") return false;
    if (here.host == "localhost") return true;
    const auto address = net::ip::make_address(here.host, ec);
    return !ec && address.is_loopback();
}

bool is_forwarded(const request& r) noexcept {
    constexpr std::string_view prefix = "X-Forwarded-";
    return r.version < 11 ||
           std::any_of(r.fields.begin(), r.fields.end(), [&](const fields::value_type& f) {
               const std::string_view name = f.first;
               return equal_ignoring_case(name, "Forwarded") || equal_ignoring_case(name, "Via") ||
                      equal_ignoring_case(name, "X-Real-IP") ||
                      equal_ignoring_case(name.substr(0, prefix.size()), prefix);
           });
}

}  // namespace tidings::http::detail
