// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <chrono>
#include <optional>
#include <string_view>

namespace tidings::http {

/// Reads Retry-After (RFC 9110 10.2.3): seconds, or any of the three forms of HTTP-date (5.6.7), as
/// the time from `now` on, rounded up, 2^31 s at most. Nothing for any other text and for a date
/// gone by.
TIDINGS_DECL std::optional<std::chrono::seconds> parse_retry_after(
    std::string_view text, std::chrono::system_clock::time_point now) noexcept;

}  // namespace tidings::http
