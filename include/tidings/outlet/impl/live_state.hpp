// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/feed.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/outlet/impl/live_access.hpp>
#include <tidings/outlet/impl/live_output.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <string>

namespace tidings::detail {

/// What stands behind a `live_session`, and belongs to it. Lane-confined, unless it says otherwise.
class live_state final : public feed_sink, public send_queue_user, public context_dependent {
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
    /// What it keeps of the stream that it was made of.
    struct kept_stream {
        const tidings::principal& caller() const noexcept;
        /// What was read beyond the request, once, in `live_session::read`.
        std::string take_leftover() noexcept;

        /// What it needs until it reads.
        struct opening {
            std::string head;
            std::string leftover;
            std::chrono::milliseconds lifetime;
        };
        const std::string remote_address;
        io::stream_ptr connection;
        const std::shared_ptr<detail::lane> home;
        std::shared_ptr<void> guard;                                // of the server's count
        const std::unique_ptr<const tidings::principal> principal;  // null: anonymous
        const std::shared_ptr<const http::request> request;
        std::unique_ptr<opening> start;
    };
    kept_stream& stream() noexcept { return stream_; }
    send_queue& queue() const noexcept { return output_.queue(); }
    detail::lane& lane() const noexcept { return *stream_.home; }

    live_access& access() noexcept { return access_; }
    std::shared_ptr<live_session> self() const;
    io::stream& connection() const noexcept { return *stream_.connection; }
    /// Runs code of the transport's. False when it threw.
    template <class F>
    bool call(F&& f) noexcept {
        return guarded(options_->log, options_->name, f);
    }
    void begin(live_start what, session_registration place, bool welcome);
    /// It may join the bus, and read.
    void go_on(live_start what);
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
    static constexpr auto never = std::chrono::milliseconds::max();
    /// While it is open: `on_silence` of the transport is called after so long, unless this is
    /// called again.
    void await_silence(std::chrono::milliseconds after) noexcept;
    void on_quarter();

    bool ready() noexcept override { return is_open() && output_.queue().ready(); }
    void push(const event_ptr& e) noexcept override;
    void on_retained_end() noexcept override { beat(); }
    void on_dropped(std::uint64_t count) noexcept override;
    void on_feed_end(error_code why) noexcept override { finish(why); }
    void on_room() noexcept override;
    void on_empty() noexcept override;
    void on_error(error_code ec) noexcept override;
    void on_context_end() noexcept override;

 private:
    friend class live_access;
    enum class stage : std::uint8_t { open, goodbye, ended };
    /// What follows its end in the lane. It needs no memory. From its goodbye on it keeps the
    /// session, which nothing else may hold once the peer has ended its direction.
    struct departure final : lane_task {
        explicit departure(live_state& s) noexcept : state(s) {}
        void run() noexcept override;
        void drop() noexcept override { const auto last = std::move(session); }
        live_state& state;
        std::shared_ptr<live_session> session;
    };

    void beat();

    live_session& owner_;
    const std::shared_ptr<const live_session_options> options_;
    kept_stream stream_;
    live_output output_;
    std::shared_ptr<feed> feed_;
    session_registration registration_;
    std::unique_ptr<std::array<std::byte, 64>> ignored_;  // of what can only be read so (TLS)
    wheel_timer timer_;                                   // of silence and life, then of its end
    io::steady_time life_ends_ = io::steady_time::max();  // which is never
    live_access access_;
    departure departure_{*this};
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
    try {
        lane().post([s = self(), this, bytes, f = std::move(f)]() mutable {
            queue().arrived(bytes);
            f();
        });
    } catch (const std::bad_alloc&) {
        queue().arrived(bytes);
        throw;
    }
}

}  // namespace tidings::detail
