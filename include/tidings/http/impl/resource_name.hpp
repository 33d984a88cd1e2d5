// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/exchange.hpp>
#include <tidings/http/impl/message/percent.hpp>

namespace tidings::http::detail {

/// What a request names below its mount point, decoded: `orders.42` of `/topics/orders.42`. One
/// slash at the end is ignored; empty for the mount point itself.
/// @error errc::bad_request for a bad escape
inline std::string resource_name(const exchange& x, error_code& ec) {
    std::string_view name = x.suffix();
    if (name.starts_with('/')) name.remove_prefix(1);
    if (name.ends_with('/')) name.remove_suffix(1);
    return percent_decode(name, ec);
}

}  // namespace tidings::http::detail
