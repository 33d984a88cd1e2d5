// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/feed.hpp>
#include <tidings/outlet/impl/live_output.hpp>
#include <tidings/outlet/impl/reviewer.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tidings::detail {

/// What stands behind a `live_session`, and belongs to it. Lane-confined, unless it says otherwise.
class live_state final : public feed_sink, public context_dependent, public http::detail::reviewer {
 public:
    live_state(live_session& owner, http::live_stream stream,
               std::shared_ptr<const live_session_options> options);
    ~live_state() override;

    // From any thread.
    outcome deliver(const event_ptr& e) noexcept;
    error_code send(std::string bytes);
    /// Whether `send` takes bytes now. @error errc::closed, errc::overflow
    error_code check_send() const noexcept;
    template <class F>
    void in_lane(std::size_t bytes, F f);
    bool is_open() const noexcept { return stage_.load(std::memory_order_acquire) == stage::open; }
    http::live_stream& stream() noexcept { return stream_; }
    const std::string& remote_address() const noexcept { return remote_address_; }
    send_queue& queue() const noexcept { return output_.queue(); }
    detail::lane& lane() const noexcept { return *stream_.connection.lane; }

    /// In the lane: the principal as the last recheck found it.
    const tidings::principal& caller() const noexcept {
        return rechecked_ ? *rechecked_ : stream_.principal;
    }
    io::stream& connection() const noexcept { return *stream_.connection.stream; }
    void begin(live_start what, session_registration place, bool welcome);
    bool has_ended() const noexcept {
        return stage_.load(std::memory_order_acquire) == stage::ended;
    }
    void read_away() noexcept;
    void append(std::string bytes) { output_.append(std::move(bytes)); }
    /// Sends a beat with the cursor, once that is at the present.
    void beat_soon();
    void finish(error_code why);
    /// Ends our direction of the connection, and the session by a deadline.
    void shut_down();
    void await_end() noexcept;
    void end(error_code why);

    bool ready() noexcept override { return is_open() && output_.queue().ready(); }
    void push(const event_ptr& e) noexcept override;
    void on_dropped(std::uint64_t count) noexcept override;
    void on_feed_end(error_code why) noexcept override { finish(why); }
    void on_context_end() noexcept override;

 private:
    enum class stage : std::uint8_t { open, goodbye, ended };

    std::shared_ptr<live_session> self() const;
    void listen();
    void go_on();
    void read();
    error_code subscribe(live_start what);
    void apply(http::detail::review found) override;
    subject review_subject() override;
    void narrow(const std::vector<std::string>& lost);
    void revoke_all(error_code why);
    void watch_expiry() noexcept;
    void on_expiry();
    void beat();
    void on_quarter();

    live_session& owner_;
    const std::shared_ptr<const live_session_options> options_;
    http::live_stream stream_;
    const std::string remote_address_;
    live_output output_;
    std::shared_ptr<feed> feed_;
    session_registration registration_;
    std::unique_ptr<std::array<std::byte, 64>> ignored_;
    wheel_timer quiet_;
    wheel_timer limit_;  // of its life, then of its end
    wheel_timer expiry_;
    http::detail::expiry_time expires_;
    std::shared_ptr<const http::detail::stream_license> license_;
    std::optional<tidings::principal> rechecked_;
    std::optional<live_start> start_;  // until the bus is joined
    std::chrono::milliseconds lifetime_{0};
    std::atomic<std::uint64_t> missed_{0};  // not taken by `deliver`, and not announced yet
    std::uint64_t writes_seen_ = 0;
    unsigned quiet_quarters_ = 0;
    std::atomic<stage> stage_{stage::open};
};

// Runs `f`, which appends about so many bytes, in the lane: at once when the caller is there.
template <class F>
void live_state::in_lane(std::size_t bytes, F f) {
    if (lane().running_here()) return f();
    queue().expect(bytes);
    lane().post([s = self(), this, bytes, f = std::move(f)]() mutable {
        queue().arrived(bytes);
        f();
    });
}

}  // namespace tidings::detail
