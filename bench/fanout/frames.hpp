// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "failure.hpp"

namespace fanout {

enum class opcode : unsigned { text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// Calls `on_frame(opcode, payload)` for every whole frame of a server (RFC 6455 5.2) and returns
/// how many bytes they took. Throws `failure` (wrong) for a masked, fragmented, compressed or
/// oversized frame: no server of this bench has a reason to send one.
template <class OnFrame>
std::size_t read_frames(std::string_view bytes, OnFrame&& on_frame) {
    constexpr std::uint64_t max_payload_bytes = 1U << 20U;
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
    std::size_t used = 0;
    while (bytes.size() - used >= 2) {
        const unsigned first = byte(used);
        const unsigned second = byte(used + 1);
        if ((first & 0xf0U) != 0x80U || (second & 0x80U) != 0) {
            throw failure{exit_code::wrong, "a fragmented, compressed or masked frame"};
        }
        const std::size_t extra = second == 127 ? 8 : second == 126 ? 2 : 0;
        if (bytes.size() - used < 2 + extra) break;
        std::uint64_t size = extra == 0 ? second : 0;
        for (std::size_t i = 0; i < extra; ++i) size = size << 8U | byte(used + 2 + i);
        if (size > max_payload_bytes) throw failure{exit_code::wrong, "an oversized frame"};
        if (bytes.size() - used < 2 + extra + size) break;
        const std::string_view payload = bytes.substr(used + 2 + extra, size);
        used += 2 + extra + static_cast<std::size_t>(size);
        on_frame(static_cast<opcode>(first & 0x0fU), payload);
    }
    return used;
}

/// Appends one masked frame of a client. `payload` is at most 65535 bytes.
inline void append_frame(std::string& out, opcode kind, std::string_view payload,
                         std::uint32_t mask) {
    out += static_cast<char>(0x80U | static_cast<unsigned>(kind));
    if (payload.size() < 126) {
        out += static_cast<char>(0x80U | payload.size());
    } else {
        out += static_cast<char>(0x80U | 126U);
        out += static_cast<char>(payload.size() >> 8U);
        out += static_cast<char>(payload.size() & 0xffU);
    }
    const std::array<unsigned, 4> key{mask >> 24U, mask >> 16U & 0xffU, mask >> 8U & 0xffU,
                                      mask & 0xffU};
    for (const unsigned part : key) out += static_cast<char>(part);
    for (std::size_t i = 0; i < payload.size(); ++i) {
        out += static_cast<char>(static_cast<unsigned char>(payload[i]) ^ key[i % 4]);
    }
}

}  // namespace fanout
