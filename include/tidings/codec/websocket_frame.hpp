// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tidings {

/// RFC 6455 5.2 and 11.8; what is not listed is reserved.
enum class websocket_opcode : std::uint8_t {
    continuation = 0,
    text = 1,
    binary = 2,
    close = 8,
    ping = 9,
    pong = 10,
};

/// Which end of the connection *we* are: a client masks every frame, a server none (RFC 6455 5.1).
enum class websocket_role : std::uint8_t { server, client };

/// The masking key of one frame (RFC 6455 5.3), most significant byte first on the wire. Must come
/// fresh from a strong source of randomness for each frame (10.3).
struct websocket_mask_key {
    std::uint32_t value = 0;
};

/// The most a control frame carries (RFC 6455 5.5).
inline constexpr std::size_t max_websocket_control_bytes = 125;

/// The most text a close frame carries beside its code.
inline constexpr std::size_t max_websocket_reason_bytes = max_websocket_control_bytes - 2;

/// The longest header of a frame (RFC 6455 5.2), masking key included.
inline constexpr std::size_t max_websocket_header_bytes = 14;

/// Appends one frame as a server sends it. A control frame must be final and its payload no longer
/// than `max_websocket_control_bytes`; the payload of a text message must be UTF-8, and a close
/// frame is better made by `append_websocket_close`.
TIDINGS_DECL void append_websocket_frame(std::string& out, websocket_opcode opcode,
                                         std::string_view payload, bool fin = true);

/// The same as a client sends it, masked.
TIDINGS_DECL void append_websocket_frame(std::string& out, websocket_opcode opcode,
                                         std::string_view payload, websocket_mask_key key,
                                         bool fin = true);

/// Appends a close frame as a server sends it (RFC 6455 5.5.1). The reason is cut before the first
/// character that is not valid UTF-8 or ends beyond `max_websocket_reason_bytes`. A code that is
/// not for the wire, such as 1005 (no code), makes a close frame without a payload.
TIDINGS_DECL void append_websocket_close(std::string& out, std::uint16_t code,
                                         std::string_view reason = {});

/// The same as a client sends it, masked.
TIDINGS_DECL void append_websocket_close(std::string& out, std::uint16_t code,
                                         std::string_view reason, websocket_mask_key key);

namespace detail {

using websocket_mask_bytes = std::array<std::byte, 4>;

[[nodiscard]] constexpr bool is_websocket_control(websocket_opcode opcode) noexcept {
    return opcode >= websocket_opcode::close;
}

/// Appends what stands before a payload and its masking key.
TIDINGS_DECL void append_websocket_header(std::string& out, websocket_opcode opcode,
                                          std::uint64_t length, bool fin = true,
                                          bool masked = false);

/// Makes a final frame of the payload that `out` holds: masks it in place where a key is given, as
/// a client's must be, and puts the header in front. Spare capacity of `max_websocket_header_bytes`
/// saves an allocation.
TIDINGS_DECL void make_websocket_frame(std::string& out, websocket_opcode opcode,
                                       std::optional<websocket_mask_key> key);

/// Masks or unmasks in place (RFC 6455 5.3), and turns the key so that it fits the byte after
/// `data`, for a payload that comes in pieces.
TIDINGS_DECL void apply_websocket_mask(std::span<std::byte> data,
                                       websocket_mask_bytes& key) noexcept;

}  // namespace detail
}  // namespace tidings
