// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>
#include <tidings/io/clock.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace tidings::http::detail {

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 5.6.7).
TIDINGS_DECL std::string http_date(io::system_time t);

/// Reads any of the three forms of HTTP-date (RFC 9110 5.6.7); a year of two digits is read as not
/// more than 50 years after `now`. Nothing for any other text.
TIDINGS_DECL std::optional<std::chrono::sys_seconds> read_http_date(
    std::string_view text, std::chrono::sys_seconds now) noexcept;

}  // namespace tidings::http::detail
