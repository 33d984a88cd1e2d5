// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>
#include <tidings/errc.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace tidings::detail {

using wall_time = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

/// RFC 3339 in UTC with the shortest fraction: `2026-01-02T03:04:05.25Z`.
TIDINGS_DECL std::string format_timestamp(wall_time t);

/// The first or the last one that the clock has, where it has not this one: RFC 3339 goes on to the
/// year 9999, a clock of nanoseconds to 2262.
constexpr std::chrono::system_clock::time_point to_system_time(wall_time t) noexcept {
    using limits = std::chrono::system_clock::time_point;
    if (t >= std::chrono::floor<wall_time::duration>(limits::max())) return limits::max();
    if (t <= std::chrono::ceil<wall_time::duration>(limits::min())) return limits::min();
    return t;
}

/// Reads RFC 3339 (any offset, up to microseconds kept, leap second read as the next one).
/// @error errc::event_bad_time
TIDINGS_DECL wall_time parse_timestamp(std::string_view text, error_code& ec) noexcept;

}  // namespace tidings::detail
