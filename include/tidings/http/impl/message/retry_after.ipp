// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/message/http_date.hpp>
#include <tidings/http/impl/message/retry_after.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace tidings::http {

std::optional<std::chrono::seconds> parse_retry_after(
    std::string_view text, std::chrono::system_clock::time_point now) noexcept {
    // As RFC 9111 1.2.2 has it for delta-seconds that are too large to handle.
    constexpr std::chrono::seconds longest(std::int64_t{1} << 31);
    const bool digits = !text.empty() && std::all_of(text.begin(), text.end(),
                                                     [](char c) { return c >= '0' && c <= '9'; });
    if (digits) {
        std::int64_t seconds = 0;
        const auto error = std::from_chars(text.data(), text.data() + text.size(), seconds).ec;
        if (error != std::errc()) return longest;
        return std::min(std::chrono::seconds(seconds), longest);
    }
    const auto here = std::chrono::floor<std::chrono::seconds>(now);
    const auto date = detail::read_http_date(text, here);
    if (!date || *date < here) return std::nullopt;
    return std::min<std::chrono::seconds>(*date - here, longest);
}

}  // namespace tidings::http
