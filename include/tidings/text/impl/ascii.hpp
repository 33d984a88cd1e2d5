// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace tidings::detail {

constexpr char ascii_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Compares as field names and most tokens of HTTP do.
constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
    const auto same = [](char x, char y) { return x == y || ascii_lower(x) == ascii_lower(y); };
    return a.size() == b.size() && (a.empty() || same(a.front(), b.front())) &&
           std::equal(a.begin(), a.end(), b.begin(), same);
}

constexpr bool starts_with_ignoring_case(std::string_view text, std::string_view start) noexcept {
    return equal_ignoring_case(text.substr(0, start.size()), start);
}

inline constexpr auto token_characters = [] {
    std::array<bool, 256> fits{};
    for (char c = '0'; c <= '9'; ++c) fits[static_cast<unsigned char>(c)] = true;
    for (char c = 'a'; c <= 'z'; ++c)
        fits[static_cast<unsigned char>(c)] = fits[static_cast<unsigned char>(c - 'a' + 'A')] =
            true;
    for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
        fits[static_cast<unsigned char>(c)] = true;
    return fits;
}();

/// RFC 9110 5.6.2: what a method or a field name is made of.
constexpr bool is_token(std::string_view text) noexcept {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return token_characters[static_cast<unsigned char>(c)];
    });
}

/// A byte that no field value may hold (RFC 9110 5.5).
constexpr bool is_field_control(char c) noexcept {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7f';
}

}  // namespace tidings::detail
