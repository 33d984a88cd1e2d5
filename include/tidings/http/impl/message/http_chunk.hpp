// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>

namespace tidings {

/// Ends a chunked body, without trailer fields (RFC 9112 7.1).
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

/// Appends `payload` as one chunk of an HTTP/1.1 body (RFC 9112 7.1). An empty payload appends
/// nothing, because a chunk of size 0 would end the body.
inline void append_chunk(std::string& out, std::string_view payload) {
    if (payload.empty()) return;
    char size[2 * sizeof(std::size_t)];
    const auto end = std::to_chars(size, size + sizeof size, payload.size(), 16).ptr;
    out.append(size, end).append("\r\n").append(payload).append("\r\n");
}

}  // namespace tidings
