// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/websocket_parser.hpp>
#include <tidings/http/impl/server/body_budget.hpp>
#include <tidings/inlet/impl/token_bucket.hpp>
#include <tidings/io/stream.hpp>
#include <tidings/lane/impl/lane.hpp>
#include <tidings/lane/impl/pace.hpp>
#include <tidings/websocket/impl/websocket_session_options.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tidings::websocket::detail {

using tidings::detail::lane;
using tidings::detail::token_bucket;
using tidings::detail::wheel_timer;

/// What a `websocket_input` reads for. Called in the lane; each call may stop the input.
class websocket_input_sink {
 public:
    virtual void on_bytes() noexcept = 0;
    virtual void on_item(const websocket_item& item) = 0;
    /// The peer broke the protocol, was too slow, or `on_item` threw; what comes from now on is
    /// discarded.
    virtual void on_input_failed(error_code why) = 0;
    /// The peer ended its direction (eof), or the stream failed. Last.
    virtual void on_input_end(error_code ec) = 0;

 protected:
    ~websocket_input_sink() = default;
};

/// The reading side of a connection: when to read, how much a turn, which peer is too slow or sends
/// too much. Lane-confined. A member of its owner, which its operations keep alive.
class websocket_input {
 public:
    /// All of them outlive it. `share`: of the server's budget; or null.
    websocket_input(io::stream& stream, lane& home, websocket_input_sink& sink,
                    const websocket_session_options& options,
                    std::shared_ptr<http::detail::body_share> share);

    /// Reads until `stop`, `leftover` first. Every operation holds `owner`.
    TIDINGS_DECL void start(std::shared_ptr<void> owner, std::string leftover);
    /// From now on what comes is read away.
    TIDINGS_DECL void discard() noexcept;
    /// Reads nothing and calls its sink for nothing until `release`; what came waits.
    void hold() noexcept { held_ = true; }
    bool held() const noexcept { return held_; }
    TIDINGS_DECL void release() noexcept;
    /// Calls its sink no more, and releases the owner.
    TIDINGS_DECL void stop() noexcept;
    /// The peer has published. Beyond its rate the connection is not read for a while.
    void count_publication() noexcept { publishes_.take(now()); }

 private:
    enum class mode : std::uint8_t { idle, reading, discarding, stopped };
    using owner_ptr = std::shared_ptr<void>;
    struct interruption;

    io::steady_time now() const noexcept { return lane_.timers().clock().now(); }
    bool stopped() const noexcept { return mode_ == mode::stopped; }
    void read(owner_ptr owner) noexcept;
    void start_read(owner_ptr owner);
    void read_ready(owner_ptr owner) noexcept;
    bool take_bytes(const owner_ptr& owner, std::span<std::byte> bytes) noexcept;
    bool take_items(const owner_ptr& owner, error_code& ec);
    void pause(const owner_ptr& owner, std::chrono::milliseconds wait);
    interruption& interrupt();
    void keep_rest();
    void resume(owner_ptr owner) noexcept;
    void watch_pace(std::uint64_t frames_before, std::size_t bytes);
    void on_window_end() noexcept;
    bool count_held() noexcept;
    bool count(std::size_t held) noexcept;
    void release_held() noexcept;
    void fail(error_code why) noexcept;

    io::stream& stream_;
    lane& lane_;
    websocket_input_sink& sink_;
    const websocket_session_options& options_;
    const std::shared_ptr<http::detail::body_share> share_;
    websocket_parser parser_;
    token_bucket publishes_;
    mode mode_ = mode::idle;
    bool held_ = false;
    int items_left_ = 0;  // of this turn
    using tls_block = std::array<std::byte, 16 * 1024>;
    std::unique_ptr<tls_block> buffer_;  // TLS only; others read into the lane's
    std::size_t counted_ = 0;            // in the budget
    /// While it does not read.
    struct interruption {
        explicit interruption(websocket_input& input);
        std::vector<std::byte> pending{};  // came, and waits for its end
        std::span<std::byte> rest{};       // of it, what is still to be read
        owner_ptr owner{};                 // null: a handler that is posted has it
        wheel_timer end;
    };
    std::unique_ptr<interruption> pause_;  // null: it reads
    /// How long a message may take that one read has not brought whole.
    struct message_watch {
        explicit message_watch(websocket_input& input);
        wheel_timer window;    // of the pace
        wheel_timer deadline;  // of the message
        tidings::detail::pace pace{};
    };
    std::unique_ptr<message_watch> watch_;  // null: there is no such message
};

}  // namespace tidings::websocket::detail
