// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/websocket_parser.hpp>
#include <tidings/detail/feed.hpp>
#include <tidings/detail/inlet.hpp>
#include <tidings/detail/send_queue.hpp>
#include <tidings/http/exchange.hpp>
#include <tidings/websocket/session.hpp>

namespace tidings::websocket::detail {

using namespace tidings::detail;

/// What a connection needs to know of its service or client.
struct connection_options {
    websocket_role role = websocket_role::server;
    std::shared_ptr<const websocket::codec> codec{};
    std::size_t max_message_bytes = 64 * 1024;
    queue_limits limits{};
    std::chrono::milliseconds ping_interval{25'000};
    std::chrono::milliseconds pong_timeout{8'000};
    std::chrono::milliseconds close_timeout{5'000};
    std::chrono::milliseconds write_timeout{30'000};
    websocket::hooks hooks{};
    tidings::principal principal{};
    std::string subprotocol{};
    io::random* random = nullptr;
    std::atomic<std::uint64_t>* sent = nullptr;  ///< counts events sent
    /// Takes the events the peer sends; the error goes back to it. Empty: they are refused.
    std::function<error_code(wire_event&&)> on_event{};
    /// Called last, in the lane.
    unique_function<void(const class connection*)> on_end{};
};

/// One connection after its handshake, either role. Lane-confined behind a thread-safe face.
class connection final : public session, public feed_sink {
 public:
    TIDINGS_DECL connection(http::taken_stream taken, connection_options options,
                            origin_id origin);
    TIDINGS_DECL ~connection() override;

    /// In the lane: sends `first` (the handshake's answer), then serves frames.
    TIDINGS_DECL void start(std::string first);
    /// In the lane: what the bus has for the peer. @error as `feed::start`
    TIDINGS_DECL error_code subscribe(std::shared_ptr<bus_state> bus, feed_options f);
    /// Ends it without a closing handshake. From any thread.
    TIDINGS_DECL void cut();
    const close_reason& why() const noexcept { return why_; }
    /// The position up to which the peer was sent everything.
    position cursor() const { return feed_ ? feed_->cursor() : position(); }

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
    std::string remote_address() const override { return remote_address_; }
    std::string_view subprotocol() const noexcept override { return options_.subprotocol; }
    std::size_t pending_bytes() const noexcept override { return pending_; }
    // feed_sink
    bool ready() noexcept override { return sending_ && queue_->ready(); }
    void push(const event_ptr& e) noexcept override;
    void on_feed_end(error_code why) noexcept override;

 private:
    std::shared_ptr<connection> self() {
        return std::static_pointer_cast<connection>(shared_from_this());
    }
    error_code send(websocket_opcode opcode, std::string_view payload);
    template <class F>
    void in_lane(F f);
    websocket_mask_key next_mask();
    void append_frame(websocket_opcode opcode, std::string_view payload);
    void read() noexcept;
    void read_ready() noexcept;
    bool take_bytes(std::span<std::byte> bytes) noexcept;
    bool take_item(const websocket_item& item);
    void take_message(const websocket_item& item);
    void take_close(const websocket_item& item);
    void refuse(const wire_event& e, error_code why);
    void send_close(std::uint16_t code, std::string_view reason);
    void fail(error_code why, std::uint16_t code);
    void finish_closing();
    void linger();
    void end(error_code why);
    void on_silence();

    http::taken_stream taken_;
    connection_options options_;
    origin_id origin_;
    std::string remote_address_;
    std::shared_ptr<send_queue> queue_;
    std::shared_ptr<feed> feed_;
    websocket_parser parser_;
    std::vector<std::byte> read_buffer_;  // TLS only; others read into the lane's
    wheel_timer silence_;                 // ping, then pong
    wheel_timer closing_;
    close_reason why_;
    std::atomic<bool> open_{true};
    std::atomic<std::size_t> pending_{0};
    bool sending_ = true;        // no close frame sent yet
    bool peer_closed_ = false;   // its close frame came
    bool broken_ = false;        // it broke the protocol
    bool waiting_pong_ = false;
    bool ended_ = false;
};

}  // namespace tidings::websocket::detail
