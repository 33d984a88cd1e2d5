// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <chrono>
#include <optional>
#include <string_view>

namespace tidings::webhook::detail {

/// A Unix time in seconds: digits only. What the known libraries take besides ("+1", "1.0",
/// "1junk") is signed as one text and read as another.
std::optional<std::chrono::seconds> read_unix_time(std::string_view text) noexcept;

/// Whether a time that was signed is near enough to now, either way. `tolerance` is not negative.
/// @error errc::webhook_invalid_timestamp, webhook_timestamp_too_old, webhook_timestamp_too_new
error_code check_signed_time(std::string_view text, std::chrono::system_clock::time_point now,
                             std::chrono::seconds tolerance) noexcept;

/// The Unix time that is signed for an attempt; negative before 1970.
inline std::chrono::seconds signed_time(std::chrono::system_clock::time_point attempt) noexcept {
    return std::chrono::floor<std::chrono::seconds>(attempt.time_since_epoch());
}

}  // namespace tidings::webhook::detail
