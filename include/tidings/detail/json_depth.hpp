// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <string_view>

namespace tidings {

/// How deep JSON of others may be nested. Values of most JSON libraries are printed, copied and
/// compared by recursion: what a stranger sent must not be so deep that the stack ends.
inline constexpr std::size_t max_json_depth = 512;

}  // namespace tidings

namespace tidings::detail {

/// The position behind the string literal that starts at `at`.
inline std::size_t skip_json_string(std::string_view text, std::size_t at) noexcept {
    for (++at; at < text.size() && text[at] != '"'; ++at)
        if (text[at] == '\\') ++at;
    return at + 1;
}

/// Whether brackets are nested deeper than `limit`; the text need not be well-formed.
inline bool is_nested_deeper(std::string_view text, std::size_t limit) noexcept {
    std::size_t depth = 0;
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        if (c == '"') {
            i = skip_json_string(text, i);
            continue;
        }
        if ((c == '{' || c == '[') && ++depth > limit) return true;
        if ((c == '}' || c == ']') && depth != 0) --depth;
        ++i;
    }
    return false;
}

}  // namespace tidings::detail
