// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/outlet/live_session.hpp>
#include <tidings/websocket/format.hpp>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace tidings::websocket {

/// Why a connection ended (RFC 6455 7.1.5): 1005 no code, 1006 without a closing handshake; then
/// `error` tells more.
struct close_reason {
    std::uint16_t code = 1006;
    std::string reason{};
    error_code error{};
};

/// Codes of this library beyond RFC 6455. 4000 to 4499: reconnect and resume; 4500 to 4999: do not.
inline constexpr std::uint16_t close_lagging = 4008;   ///< the peer read too slowly
inline constexpr std::uint16_t close_too_slow = 4009;  ///< a frame or a message came too slowly
inline constexpr std::uint16_t close_history_failed = 4004;
/// Of the registry (IANA, WebSocket Close Code Number): the credential has ended, or is not valid
/// any more. A client may come back with a new one.
inline constexpr std::uint16_t close_unauthorized = 3000;
inline constexpr std::uint16_t close_forbidden = 3003;  ///< every topic that it read was revoked

/// One WebSocket connection of a service or a client, as a subscriber and as raw messages. Shared;
/// every member is safe from any thread and does nothing once the connection has ended. Of a
/// client's, `principal` is nobody and `request` is empty.
class session : public live_session {
 public:
    /// Sends a text message; not UTF-8: nothing is sent. @error errc::invalid_utf8, errc::closed,
    /// errc::overflow (more than `limits.max_bytes` is pending)
    virtual error_code send_text(std::string_view text) = 0;
    virtual error_code send_binary(std::string_view bytes) = 0;
    /// At most 125 bytes (RFC 6455 5.5.2). @error errc::ws_control_too_long, errc::closed
    virtual error_code ping(std::string_view payload = {}) = 0;
    /// Starts the closing handshake. Behind a call in the session's lane, as from a hook, no hook
    /// but `on_close` is called. The connection is cut if the peer does not answer within
    /// `close_timeout` of the close frame's leaving.
    virtual void close(std::uint16_t code = 1000, std::string_view reason = {}) = 0;

    /// The subprotocol agreed upon; empty: none.
    virtual std::string_view subprotocol() const noexcept = 0;

 protected:
    using live_session::live_session;
};

using session_ptr = std::shared_ptr<session>;

/// A message as it came. The view lasts for the call.
struct message {
    std::string_view payload{};
    bool binary = false;
};

/// What a user may hook in; called in the connection's lane, must not block. Any may be empty. One
/// of a service that throws ends its connection with 1011. What one of a client throws is logged,
/// and its message has not been dealt with.
struct hooks {
    std::function<void(const session_ptr&)> on_open{};
    /// Every message, before it is read as an event. True: it was dealt with here.
    std::function<bool(const session_ptr&, const message&)> on_message{};
    std::function<void(const session_ptr&, std::string_view payload)> on_ping{};
    std::function<void(const session_ptr&, std::string_view payload)> on_pong{};
    /// Once, last.
    std::function<void(const session_ptr&, const close_reason&)> on_close{};

    bool any() const noexcept { return on_open || on_message || on_ping || on_pong || on_close; }
};

}  // namespace tidings::websocket
