// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/websocket_frame.hpp>
#include <tidings/websocket/session.hpp>

#include <atomic>
#include <cstdint>

namespace tidings::websocket::detail {

/// How far the end of a connection has come (RFC 6455 7.1).
enum class closing_state : std::uint8_t {
    open,            ///< messages pass both ways
    saying,          ///< our close frame leaves, behind the output before it
    awaiting_close,  ///< our close frame has left; the peer's has not come
    finishing,       ///< what the peer sends is discarded; our output leaves
    awaiting_end,    ///< all has left; the TCP connection is to end
    last_words,      ///< the peer has ended its direction; our output leaves
    ended,
};

enum class closing_event : std::uint8_t {
    close_asked,     ///< by this side
    close_received,  ///< the peer's close frame
    failed,          ///< the peer broke the protocol, or a callback threw
    output_sent,     ///< the system has all of our output
    peer_ended,      ///< the peer has ended its direction
    timed_out,       ///< the deadline that `start_deadline` or `shut_down` armed
    aborted,         ///< by this side, or by an error of the stream
};

enum class closing_action : std::uint8_t {
    none,
    send_close,      ///< append a close frame, the last output; report `output_sent` behind it
    start_deadline,  ///< `close_timeout` from now on
    shut_down,       ///< end our direction of the TCP connection, and `start_deadline`
    end,             ///< close the stream
};

/// The closing handshake without its I/O (RFC 6455 7.1.1 to 7.1.7). The close deadline runs only
/// while nothing of our own output is left: a peer that reads slowly is bounded by the write
/// timeout. The server ends the TCP connection first, a client waits for that.
class closing {
 public:
    explicit closing(websocket_role role) noexcept : role_(role) {}

    TIDINGS_DECL closing_action resume(closing_event e) noexcept;
    /// From any thread, as `is_open`.
    closing_state state() const noexcept { return state_.load(std::memory_order_acquire); }
    bool is_open() const noexcept { return state() == closing_state::open; }
    bool has_ended() const noexcept { return state() == closing_state::ended; }

 private:
    closing_action go(closing_state to, closing_action a) noexcept;
    closing_action await_end() noexcept;

    std::atomic<closing_state> state_{closing_state::open};
    websocket_role role_;
};

/// Whether a client does not come back after such an end.
TIDINGS_DECL bool is_final(const close_reason& why) noexcept;

}  // namespace tidings::websocket::detail
