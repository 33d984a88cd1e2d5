// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/signed_time.hpp>

#include <charconv>
#include <cstdint>

namespace tidings::webhook::detail {

std::optional<std::chrono::seconds> read_unix_time(std::string_view text) noexcept {
    std::int64_t seconds = 0;
    const char* const end = text.data() + text.size();
    if (text.starts_with('-')) return std::nullopt;
    const auto [stop, error] = std::from_chars(text.data(), end, seconds);
    if (error != std::errc() || stop != end) return std::nullopt;
    return std::chrono::seconds(seconds);
}

error_code check_signed_time(std::string_view text, std::chrono::system_clock::time_point now,
                             std::chrono::seconds tolerance) noexcept {
    const auto sent = read_unix_time(text);
    if (!sent) return errc::webhook_invalid_timestamp;
    const auto here = signed_time(now);
    // Neither difference overflows: a stranger's number and the tolerance are not negative, and the
    // second is only formed when the first bounds it.
    if (*sent - tolerance > here) return errc::webhook_timestamp_too_new;
    if (here - *sent > tolerance) return errc::webhook_timestamp_too_old;
    return {};
}

}  // namespace tidings::webhook::detail
