// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/websocket/impl/closing.hpp>
#include <tidings/websocket/impl/websocket_input.hpp>

#include <atomic>
#include <memory>
#include <string>

namespace tidings::websocket::detail {

/// One connection after its handshake, either role: what its frames are, what its messages mean,
/// and how it ends (`closing`). Lane-confined behind a thread-safe face.
class websocket_session final : public session, private websocket_input_sink {
 public:
    TIDINGS_DECL websocket_session(http::live_stream&& stream,
                                   std::shared_ptr<const live_session_options> live,
                                   websocket_session_parts own, origin_id origin);

    /// The kind of frame of a role: a client masks each anew (RFC 6455 10.3).
    TIDINGS_DECL static frame_kind frames(websocket_role role, const websocket::codec* c) noexcept;
    using live_session::begin;
    /// In the lane: while held, nothing is read and the peer's silence does not matter.
    TIDINGS_DECL void hold_reading(bool held) noexcept;
    /// From now on nothing that the peer sends reaches a hook or `on_event`. From any thread; what
    /// the hooks captured is released soon.
    TIDINGS_DECL void drop_hooks() noexcept;
    /// Of one that has ended.
    const close_reason& why() const noexcept;

    // subscriber
    outcome deliver(const event_ptr& e) noexcept override;
    origin_id origin() const noexcept override { return origin_; }
    // session
    error_code send_text(std::string_view text) override;
    error_code send_binary(std::string_view bytes) override;
    error_code ping(std::string_view payload) override;
    void close(std::uint16_t code, std::string_view reason) override;
    std::string_view subprotocol() const noexcept override { return own_.subprotocol; }

 private:
    /// `held`: that of the stream, which its input uses.
    websocket_session(std::shared_ptr<http::detail::body_share> held, http::live_stream&& stream,
                      std::shared_ptr<const live_session_options> live, websocket_session_parts own,
                      origin_id origin);
    // live_session
    error_code frame_of(const event_ptr& e, std::string& out) override;
    std::string beat(const position& here) override;
    std::string say_goodbye(error_code why) override;
    void opened() override;
    void ended(error_code why) override;
    void release() noexcept override;
    void go_away() override { close(1001, "going away"); }
    void read() override;
    void on_room() override;
    void on_silence() override;  // for the ping, then the pong
    void goodbye_sent() override;
    // websocket_input_sink
    void on_bytes() noexcept override { restart_silence_timer(); }
    void on_item(const websocket_item& item) override;
    void on_input_failed(error_code why) override;
    void on_input_end(error_code ec) override;

    std::shared_ptr<websocket_session> self() {
        return std::static_pointer_cast<websocket_session>(shared_from_this());
    }
    bool is_client() const noexcept { return options().role == websocket_role::client; }
    const websocket_session_options& options() const noexcept { return *own_.options; }
    const websocket::hooks& hooks() const noexcept;
    bool find_publisher();
    std::string frame(websocket_opcode opcode, std::string_view payload) const;
    error_code send_message(websocket_opcode opcode, std::string_view payload);
    std::string close_frame(std::uint16_t code, std::string_view reason) const;
    websocket_mask_key next_mask() const;
    bool peer_takes(const event_ptr& e) const;
    void take_message(const websocket_item& item);
    wire_event read_event(std::string_view text, bool binary, error_code& ec) const;
    void take_event(wire_event&& e, error_code why);
    void on_decision(std::string_view id, error_code ec);
    void take_close(const websocket_item& item);
    void answer_ping(std::string_view payload);
    void refuse(std::string_view id, error_code why);
    void begin_close(closing_event e, std::uint16_t code, std::string_view reason);
    void perform(closing_action a, error_code why);
    void restart_silence_timer() noexcept;

    websocket_session_parts own_;
    std::unique_ptr<publisher> publisher_{};  // once the peer has sent an event
    const origin_id origin_;
    websocket_input input_;
    closing closing_;
    std::string goodbye_;                // the close frame to be sent
    std::unique_ptr<std::string> pong_;  // waits for room
    std::unique_ptr<const close_reason> why_;
    std::uint64_t stalls_seen_ = 0;
    std::atomic<bool> hooks_dropped_{false};
    bool awaiting_pong_ = false;
};

}  // namespace tidings::websocket::detail
