// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/feed.hpp>
#include <tidings/http/exchange.hpp>
#include <tidings/outlet/impl/reviewer.hpp>
#include <tidings/outlet/sessions.hpp>
#include <tidings/rest/impl/poll_item.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tidings::rest::detail {

using tidings::detail::bus_state;
using tidings::detail::lane;
using tidings::detail::lane_target;
using tidings::detail::wheel_timer;

/// Where a long poll stands.
enum class poll_state {
    reading_once,   ///< it does not wait: what is held is the answer
    reading,        ///< on the bus, and reading the history
    reading_again,  ///< an event came since the read began: one more follows
    closing,        ///< the bus closed since the read began: one more follows, the last
    reading_last,   ///< what was published before the bus closed
    waiting,        ///< on the bus, and nothing was found
    done,
};

/// What happens to it.
enum class poll_event {
    slice_more,   ///< a slice was read, and more is held
    slice_found,  ///< the end of what is held, with events for the answer
    slice_empty,  ///< the end of what is held, without
    full,         ///< the answer holds what it may, or there is a gap
    read_failed,
    event_came,  ///< something was published that matches
    bus_closed,
    time_over,  ///< the wait, or a drain
    peer_left,
};

/// What to do then.
enum class poll_action { none, read, answer, refuse, stop };

struct poll_step {
    poll_state next;
    poll_action action;
};

/// The whole of a long poll's behaviour. In `done` nothing happens any more.
TIDINGS_DECL poll_step advance(poll_state now, poll_event what) noexcept;

/// What a GET asks for.
struct long_poll_options {
    std::vector<std::string> patterns{};
    position from{};        ///< events after it, or before it
    bool from_now = false;  ///< after the present
    bool back = false;      ///< before it, the newest first; empty: the newest of all
    poll_items items = poll_items::cloudevents;
    tidings::after_gap after_gap = tidings::after_gap::present;
    std::size_t max = 0;
    std::size_t max_bytes = 0;
    std::chrono::milliseconds wait{};  ///< 0: it does not wait
    std::string next_target{};         ///< of `rel="next"`, without the position
    tidings::principal principal{};
    http::detail::expiry_time expires{};
    std::shared_ptr<const http::detail::stream_license> license{};
    event_filter filter{};
};

/// One GET: reads from the history, waits if asked to, answers once; where memory is missing not at
/// all, so that its exchange answers 500 and the same is asked again. Lane-confined.
class long_poll final : public lane_target,
                        public http::detail::reviewer,
                        public tidings::detail::context_dependent,
                        public std::enable_shared_from_this<long_poll> {
 public:
    TIDINGS_DECL long_poll(std::shared_ptr<bus_state> bus, http::exchange x, long_poll_options q);
    TIDINGS_DECL ~long_poll() override;

    /// Its place among those that wait, released when its answer is written or it ends without.
    void keep(session_registration r) noexcept { registration_ = std::move(r); }
    TIDINGS_DECL void start();
    /// Answers with what there is. From any thread.
    TIDINGS_DECL void finish_soon();
    /// See `sessions::async_recheck`. From any thread.
    TIDINGS_DECL void recheck(unique_function<void()> done);
    const tidings::principal& principal() const noexcept { return question_.principal; }

    void on_event(const event_ptr& e) noexcept override;
    void on_missed(std::uint64_t count) noexcept override;
    bool refills() const noexcept override { return true; }
    void on_bus_closed() noexcept override;
    void on_context_end() noexcept override;
    /// See `lane_wait`.
    void on_lost() noexcept {
        if (state_ != poll_state::done) give_up();
    }

 private:
    void apply(http::detail::review found) noexcept override;
    subject review_subject() override;
    void start_review(unique_function<void()> done);
    void watch_expiry() noexcept;
    void on_expiry();
    bool attach();
    void go_on();
    void step(poll_event what, error_code why = errc::closed) noexcept;
    void perform(poll_action a, error_code why);
    TIDINGS_DECL void give_up() noexcept;
    void read();
    void on_slice(error_code ec, const history_slice& slice);
    poll_event take(const history_slice& slice);
    poll_event take_back(const history_slice& slice);
    bool add(const event_ptr& e);
    void answer();
    void refuse(error_code why);
    void respond(http::response r);
    void end_wait() noexcept;
    void stop() noexcept;

    const std::shared_ptr<bus_state> bus_;
    http::exchange exchange_;           // moved from once it is answered
    const std::shared_ptr<lane> lane_;  // for other threads, too
    long_poll_options question_;
    session_registration registration_;
    wheel_timer deadline_;
    wheel_timer expiry_;
    unique_function<void()> cut_;  // while the answer is being written
    std::string body_{"["};
    std::unique_ptr<http::detail::body_share> share_;  // of what the answer holds
    std::size_t count_ = 0;                            // of the events in it
    poll_state state_ = poll_state::reading_once;
    std::uint64_t gone_ = 0;       // what the slice before said is gone
    std::optional<position> gap_;  // in front of the answer's events
    bool attached_ = false;
    bool at_oldest_ = false;  // nothing is held before what the answer has
};

}  // namespace tidings::rest::detail
