// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/feed.hpp>
#include <tidings/codec/websocket_parser.hpp>
#include <tidings/http/exchange.hpp>
#include <tidings/inlet/impl/inlet.hpp>
#include <tidings/lane/impl/send_queue.hpp>
#include <tidings/log.hpp>
#include <tidings/websocket/session.hpp>

namespace tidings::websocket::detail {

using namespace tidings::detail;

/// What a ping that tells the peer its position begins with; the position follows.
inline constexpr std::string_view position_ping = "tidings-position:";

/// What a connection needs to know of its service or client.
struct connection_options {
    websocket_role role = websocket_role::server;
    std::shared_ptr<const websocket::codec> codec{};
    std::size_t max_message_bytes = 64 * 1024;
    queue_limits limits{};
    std::chrono::milliseconds ping_interval{25'000};  ///< 0: never
    std::chrono::milliseconds pong_timeout{8'000};
    std::chrono::milliseconds close_timeout{5'000};
    std::chrono::milliseconds write_timeout{30'000};
    std::shared_ptr<const websocket::hooks> hooks{};
    log_sink log{};
    tidings::principal principal{};
    std::shared_ptr<const http::request> request{};
    std::string subprotocol{};
    io::random* random = nullptr;
    std::atomic<std::uint64_t>* sent = nullptr;     ///< counts events sent
    std::atomic<std::uint64_t>* unsent = nullptr;   ///< counts events without a form on this wire
    std::atomic<std::uint64_t>* dropped = nullptr;  ///< counts events its feed dropped
    /// Takes the events the peer sends; the error goes back to it. Empty: they are refused.
    std::function<error_code(wire_event&&)> on_event{};
    /// Called last, in the lane.
    unique_function<void(const class connection*)> on_end{};
};

/// One connection after its handshake, either role. Lane-confined behind a thread-safe face.
///
///     start -> open -> closing (our close frame is out) -> lingering (both are, or the peer broke
///     the protocol: what it still sends is read away) -> ended
class connection final : public session, public feed_sink, public context_dependent {
 public:
    TIDINGS_DECL connection(http::taken_stream taken, connection_options options, origin_id origin);
    TIDINGS_DECL ~connection() override;

    /// In the lane: sends `first` (the handshake's answer). `subscribe` and `serve` follow.
    TIDINGS_DECL void start(std::string first);
    /// In the lane: what the bus has for the peer. @error as `feed::start`
    TIDINGS_DECL error_code subscribe(std::shared_ptr<bus_state> bus, feed_options f);
    /// In the lane: reads frames, those first that came with the handshake.
    TIDINGS_DECL void serve();
    /// Ends it without a closing handshake. From any thread.
    TIDINGS_DECL void cut();
    /// No hook is called any more. From any thread.
    void mute() noexcept { muted_ = true; }
    const close_reason& why() const noexcept { return why_; }

    // subscriber
    outcome deliver(const event_ptr& e) noexcept override;
    origin_id origin() const noexcept override { return origin_; }
    // session
    error_code send_text(std::string_view text) override;
    error_code send_binary(std::string_view bytes) override;
    error_code ping(std::string_view payload) override;
    void close(std::uint16_t code, std::string_view reason) override;
    bool is_open() const noexcept override { return open_; }
    const tidings::principal& principal() const noexcept override { return options_.principal; }
    const http::request& request() const noexcept override;
    std::string remote_address() const override { return remote_address_; }
    std::string_view subprotocol() const noexcept override { return options_.subprotocol; }
    std::size_t pending_bytes() const noexcept override { return queue_->pending_bytes(); }
    // feed_sink
    bool ready() noexcept override { return sending_ && queue_->ready(); }
    void push(const event_ptr& e) noexcept override;
    void on_dropped(std::uint64_t count) noexcept override {
        if (options_.dropped != nullptr) *options_.dropped += count;
    }
    void on_feed_end(error_code why) noexcept override;
    // context_dependent
    void on_context_end() noexcept override;

 private:
    static constexpr char frame_form = 0;
    std::shared_ptr<connection> self() {
        return std::static_pointer_cast<connection>(shared_from_this());
    }
    bool is_client() const noexcept { return options_.role == websocket_role::client; }
    const websocket::hooks& hooks() const noexcept;
    template <class F>
    void in_lane(std::size_t bytes, F f);
    error_code send(websocket_opcode opcode, std::string_view payload);
    websocket_mask_key next_mask();
    void append_frame(websocket_opcode opcode, std::string_view payload);
    void encode_and_append(const event_ptr& e);
    void on_room();
    void read() noexcept;
    void read_ready() noexcept;
    void on_read_end(error_code ec);
    bool take_bytes(std::span<std::byte> bytes) noexcept;
    void take_item(const websocket_item& item);
    void take_message(const websocket_item& item);
    void take_close(const websocket_item& item);
    void answer_ping(std::string_view payload);
    void refuse(std::string_view id, error_code why);
    void send_close(std::uint16_t code, std::string_view reason);
    void close_for(error_code why, std::uint16_t code);
    void fail(error_code why, std::uint16_t code);
    void linger();
    void end(error_code why);
    void expect_bytes();
    void on_silence();
    void ping_with_cursor();

    http::taken_stream taken_;
    connection_options options_;
    origin_id origin_;
    std::string remote_address_;
    std::shared_ptr<send_queue> queue_;
    std::shared_ptr<feed> feed_;
    websocket_parser parser_;
    std::vector<std::byte> read_buffer_;  // TLS only; others read into the lane's
    std::optional<std::string> pong_;     // waits for room
    wheel_timer silence_;                 // ping, then pong
    wheel_timer closing_;
    close_reason why_;
    std::uint64_t stalls_seen_ = 0;
    std::atomic<std::uint64_t> missed_{0};  // not taken by `deliver`, and not announced yet
    std::atomic<bool> open_{true};
    std::atomic<bool> muted_{false};
    bool sending_ = true;       // no close frame sent yet
    bool peer_closed_ = false;  // its close frame came
    bool broken_ = false;       // it broke the protocol
    bool waiting_pong_ = false;
    bool ended_ = false;
};

}  // namespace tidings::websocket::detail
