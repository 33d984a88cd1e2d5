// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/websocket_frame.hpp>
#include <tidings/detail/config.hpp>
#include <tidings/errc.hpp>
#include <tidings/text/utf8.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tidings {

/// What a peer sent: a whole message (text or binary) or a control frame.
struct websocket_item {
    /// Never `continuation`.
    websocket_opcode opcode = websocket_opcode::text;

    /// Of a close, else 0: its code, or 1005 when the frame carried none (RFC 6455 7.1.5).
    std::uint16_t close_code = 0;

    /// Of a message over `max_message_bytes` that was discarded, its size: it has no payload. Else
    /// 0.
    std::uint64_t skipped_bytes = 0;

    /// Unmasked; of a close the reason, which is UTF-8.
    std::span<const std::byte> payload{};

    /// The payload as characters. UTF-8 if this is a text message or a close.
    [[nodiscard]] std::string_view text() const noexcept {
        return {reinterpret_cast<const char*>(payload.data()), payload.size()};
    }
};

struct websocket_parser_options {
    /// Payload bytes of one message, over all its frames; a longer one is refused when a header
    /// announces it, before its payload arrives, or skipped.
    std::size_t max_message_bytes = 1024 * 1024;
    /// A message of more than `max_message_bytes` and of at most so many is discarded as it
    /// arrives, neither held nor checked for UTF-8, and given out as an item without payload.
    std::uint64_t max_skipped_bytes = 0;
    /// Where the memory of a large message goes afterwards, 2 MiB at most, for the next one: of any
    /// parser that has the same. Outlives them, and is not used by two at once. Null: it is freed.
    std::string* spare = nullptr;
};

/// Reads the frames of one connection (RFC 6455 5, no extensions) without doing I/O: feed what a
/// read gave, then pull items until there are none. How the stream was cut into reads changes
/// nothing.
///
/// A message in one frame that lies wholly in one read is handed out where it is, unmasked in
/// place. Others are put together in memory that is reserved by the announced length, but never
/// beyond twice the bytes that the connection has brought, and is given back when the connection
/// idles. Text is checked as it
/// arrives: the first impossible byte ends the connection even inside a frame.
/// Never throws. Distinct objects are independent, a shared one is not safe.
class websocket_parser {
 public:
    TIDINGS_DECL explicit websocket_parser(websocket_role role,
                                           websocket_parser_options options = {}) noexcept;

    /// Gives the parser the next bytes of the connection. They are changed, and must stay until
    /// `next` has returned nothing, which must have happened before the next call. Does nothing
    /// after an error or a close frame.
    TIDINGS_DECL void feed(std::span<std::byte> bytes) noexcept;

    /// The next item, whose payload is valid until the next call of `next` or `feed`; or nothing
    /// when more bytes are needed, after a close frame (what follows it is discarded, RFC 6455
    /// 5.5.1), or with `ec` set, now and from then on, when the peer broke the protocol.
    /// @error errc::ws_reserved_bits, ws_bad_opcode, ws_bad_mask, ws_bad_length,
    /// ws_control_too_long, ws_control_fragmented, ws_bad_continuation, ws_bad_close_code;
    /// errc::invalid_utf8 in a text message or a close reason; errc::too_large;
    /// errc::out_of_memory.
    [[nodiscard]] TIDINGS_DECL std::optional<websocket_item> next(error_code& ec) noexcept;

    /// Whether an error or a close frame has ended the stream.
    [[nodiscard]] bool done() const noexcept { return stage_ == stage::done; }

    /// Takes back the bytes of the last `feed` that no item was made of yet, so that they can be
    /// fed again later. Valid as long as those of `feed`.
    std::span<std::byte> take_rest() noexcept { return std::exchange(input_, {}); }

    /// Whether the last bytes ended inside a frame; inside a message, between its frames included.
    [[nodiscard]] bool inside_frame() const noexcept {
        return stage_ == stage::payload || header_bytes_ != 0;
    }
    [[nodiscard]] bool inside_message() const noexcept {
        return !done() && (inside_frame() || message_ != websocket_opcode::continuation);
    }
    /// Frames whose header has been read so far.
    [[nodiscard]] std::uint64_t frames() const noexcept { return frames_; }

    /// Bytes the parser holds beside itself: of a message or a frame that has not all arrived.
    [[nodiscard]] TIDINGS_DECL std::size_t held_bytes() const noexcept;

 private:
    enum class stage : std::uint8_t { header, payload, done };

    bool read_header() noexcept;
    bool fill_header(std::size_t size) noexcept;
    errc check_start() const noexcept;
    errc begin_frame() noexcept;
    errc begin_data(std::uint64_t length) noexcept;
    std::optional<websocket_item> skip() noexcept;
    std::optional<websocket_item> read_payload() noexcept;
    std::optional<websocket_item> finish_message(std::span<const std::byte> payload) noexcept;
    std::optional<websocket_item> finish_control(std::span<const std::byte> payload) noexcept;
    bool hold(std::span<const std::byte> bytes) noexcept;
    void make_room(std::uint64_t bytes);
    void release_held() noexcept;
    void fail(errc reason) noexcept;
    void release_when_idle() noexcept;

    std::span<std::byte> input_{};
    std::string held_;  // the message under way, then the control frame that interrupts it
    std::string* spare_;
    std::size_t message_bytes_ = 0;  // of held_ that belong to the message
    std::size_t max_message_bytes_;
    std::uint64_t max_skipped_bytes_;
    std::uint64_t skipped_ = 0;     // announced so far of a message that is skipped; 0: none is
    std::uint64_t frame_left_ = 0;  // payload bytes of the frame that have not arrived
    std::uint64_t arrived_ = 0;     // bytes of the connection
    std::uint64_t frames_ = 0;
    detail::websocket_mask_bytes mask_{};
    std::array<std::byte, 14> header_{};
    std::uint8_t header_bytes_ = 0;
    websocket_role role_;
    stage stage_ = stage::header;
    bool fin_ = false;
    websocket_opcode opcode_ = websocket_opcode::continuation;   // of the frame
    websocket_opcode message_ = websocket_opcode::continuation;  // which means that there is none
    utf8_validator utf8_;
    errc error_{};
};

}  // namespace tidings
