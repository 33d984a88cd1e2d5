// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/feed.hpp>
#include <tidings/http/exchange.hpp>
#include <tidings/inlet/impl/inlet.hpp>
#include <tidings/websocket/impl/closing.hpp>
#include <tidings/websocket/impl/websocket_input.hpp>
#include <tidings/websocket/impl/websocket_output.hpp>

namespace tidings::websocket::detail {

using tidings::detail::bus_state;
using tidings::detail::context_dependent;
using tidings::detail::feed;
using tidings::detail::feed_options;
using tidings::detail::feed_sink;
using tidings::detail::wheel_timer;

/// One connection after its handshake, either role: what is sent, what its messages mean, and how
/// it ends (`closing`). Lane-confined behind a thread-safe face.
class websocket_session final : public session,
                                public feed_sink,
                                public context_dependent,
                                private websocket_input_sink {
 public:
    TIDINGS_DECL websocket_session(http::taken_stream taken, websocket_session_options options,
                                   origin_id origin);
    TIDINGS_DECL ~websocket_session() override;

    /// In the lane: sends `first` (the handshake's answer). `subscribe` and `serve` follow.
    TIDINGS_DECL void start(std::string first);
    /// In the lane: what the bus has for the peer. @error as `feed::start`
    TIDINGS_DECL error_code subscribe(std::shared_ptr<bus_state> bus, feed_options f);
    /// In the lane: reads frames, those first that came with the handshake.
    TIDINGS_DECL void serve();
    /// In the lane: while held, nothing is read and the peer's silence does not matter.
    TIDINGS_DECL void hold_reading(bool held) noexcept;
    /// Ends it without a closing handshake. From any thread.
    TIDINGS_DECL void abort();
    /// From now on nothing that the peer sends reaches a hook or `on_event`. From any thread; what
    /// the hooks captured is released soon.
    TIDINGS_DECL void drop_hooks() noexcept;
    /// Of one that has ended.
    const close_reason& why() const noexcept { return *why_; }

    // subscriber
    outcome deliver(const event_ptr& e) noexcept override;
    origin_id origin() const noexcept override { return origin_; }
    // session
    error_code send_text(std::string_view text) override;
    error_code send_binary(std::string_view bytes) override;
    error_code ping(std::string_view payload) override;
    void close(std::uint16_t code, std::string_view reason) override;
    bool is_open() const noexcept override { return closing_.is_open(); }
    const tidings::principal& principal() const noexcept override { return options_.principal; }
    const http::request& request() const noexcept override;
    std::string remote_address() const override { return remote_address_; }
    std::string_view subprotocol() const noexcept override { return options_.subprotocol; }
    std::size_t pending_bytes() const noexcept override { return output_.queue().pending_bytes(); }
    // feed_sink
    bool ready() noexcept override { return closing_.is_open() && output_.queue().ready(); }
    void push(const event_ptr& e) noexcept override;
    void on_dropped(std::uint64_t count) noexcept override {
        if (options_.dropped != nullptr) *options_.dropped += count;
    }
    void on_feed_end(error_code why) noexcept override;
    // context_dependent
    void on_context_end() noexcept override;

 private:
    // websocket_input_sink
    void on_bytes() noexcept override { restart_silence_timer(); }
    void on_item(const websocket_item& item) override;
    void on_input_failed(error_code why) override;
    void on_input_end(error_code ec) override;

    std::shared_ptr<websocket_session> self() {
        return std::static_pointer_cast<websocket_session>(shared_from_this());
    }
    const websocket::hooks& hooks() const noexcept;
    template <class F>
    void in_lane(std::size_t bytes, F f);
    error_code send(websocket_opcode opcode, std::string_view payload);
    void on_room();
    void take_message(const websocket_item& item);
    void take_close(const websocket_item& item);
    void answer_ping(std::string_view payload);
    void refuse(std::string_view id, error_code why);
    void begin_close(closing_event e, std::uint16_t code, std::string_view reason);
    void send_close(std::uint16_t code, std::string_view reason);
    void advance(closing_event e, error_code why = {});
    void perform(closing_action a, error_code why);
    void end(error_code why);
    void release_callbacks();
    void restart_silence_timer() noexcept;
    void on_silence();
    void ping_with_cursor();

    http::taken_stream taken_;
    websocket_session_options options_;
    origin_id origin_;
    std::string remote_address_;
    websocket_output output_;
    websocket_input input_;
    std::shared_ptr<feed> feed_;
    closing closing_;
    std::optional<std::string> pong_;  // waits for room
    wheel_timer silence_;              // ping, then pong
    wheel_timer close_deadline_;
    std::optional<close_reason> why_;
    std::uint64_t stalls_seen_ = 0;
    std::atomic<std::uint64_t> missed_{0};  // not taken by `deliver`, and not announced yet
    std::atomic<bool> hooks_dropped_{false};
    bool awaiting_pong_ = false;
};

}  // namespace tidings::websocket::detail
