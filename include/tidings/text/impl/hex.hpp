// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace tidings::detail {

/// Two lower-case digits for each byte.
TIDINGS_DECL std::string hex_encode(std::string_view bytes);

/// Digits of either case; nothing for an odd count or any other character.
TIDINGS_DECL std::optional<std::string> hex_decode(std::string_view text);

/// The value of one hexadecimal digit, or -1.
constexpr int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace tidings::detail
