// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace tidings::detail {

/// Appends RFC 4648 4: the standard alphabet, with padding, on one line.
TIDINGS_DECL void base64_append(std::string_view bytes, std::string& out);

inline std::string base64_encode(std::string_view bytes) {
    std::string text;
    base64_append(bytes, text);
    return text;
}

/// The one text that `base64_encode` makes of some bytes, back into them. Nothing for any other
/// text: missing or misplaced padding, white space, the URL alphabet, or trailing bits that are not
/// zero (RFC 4648 3.5), so that two texts never mean the same bytes.
TIDINGS_DECL std::optional<std::string> base64_decode(std::string_view text);

}  // namespace tidings::detail
