// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/after_gap.hpp>
#include <tidings/event_filter.hpp>
#include <tidings/overflow.hpp>
#include <tidings/position.hpp>
#include <tidings/subscriber.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace tidings {

struct subscribe_options {
    /// Resumes: everything after this position that matches comes first, in order, and then what is
    /// published from now on; nothing is lost or doubled between the two. Where an evicted event
    /// could have matched, a `tidings.gap` event comes, and behind it what `after_gap` says. An
    /// empty position asks for all that is held. A bus without a history has nothing to replay, and
    /// reports a gap.
    std::optional<position> after{};
    /// Bounds the queue in front of a callback or receiver. With `after` it is filled from the
    /// history as there is room. The policy is then for what no history holds; see
    /// overflow::backpressure.
    queue_limits limits{};
    tidings::overflow overflow = tidings::overflow::drop_oldest;
    /// With overflow::backpressure: how long `async_publish` waits for room.
    std::chrono::milliseconds backpressure_deadline{5000};
    /// How many queued events one turn of a callback takes before it lets others run.
    std::size_t max_batch = 256;
    /// Which of the events that the pattern matches are wanted. The others are neither delivered
    /// nor counted; a subscription that resumes goes on past them.
    event_filter filter{};
    tidings::after_gap after_gap = tidings::after_gap::present;  ///< of a resuming one
    /// Begins with the present state: first the newest event of each topic that matches and that
    /// the bus keeps (`bus_options::retained`), oldest first, as there is room and without a
    /// position, and then what is published from the subscription on. Of a topic that has a newer
    /// event before its turn comes only that is delivered. With `after` nothing of that is sent: a
    /// subscriber that resumes has a state.
    bool retained = false;
    /// Shares the events of the pattern with the other members of the queue group of this name:
    /// each event goes to one of them. See docs/guide/workers.md. Empty: no group.
    ///
    /// Of members that want the event (`filter`) and have room the one gets it that has the least
    /// to do. Where none has room, the overflow rule of the one in turn holds and its counters
    /// count the event; with overflow::backpressure `async_publish` waits for whichever has room
    /// first. What waits in a member that ends goes to others, behind what they have; what a
    /// callback was called with, or a read has brought, goes to nobody else. Members are callbacks,
    /// receivers and subscribers, each with its own bound. A group begins in the present.
    /// @error errc::bad_group: the group's members have another pattern, the name is longer than
    /// `max_group_name`, or `after`, `after_gap`, `retained` or overflow::conflate is set
    std::string group{};
};

inline constexpr std::size_t max_group_name = 256;  ///< bytes

/// What a subscription has seen. Read at any time from any thread; each number by itself is exact.
/// Announcements in band (`tidings.lagged`, `tidings.gap`) are not counted. What matched is at last
/// delivered, dropped, discarded or failed; what an outlet dropped with an error is failed as well.
struct subscription_counters {
    std::uint64_t matched = 0;
    std::uint64_t delivered = 0;
    std::uint64_t dropped = 0;
    std::uint64_t discarded = 0;  ///< queued when the subscription ended
    std::uint64_t failed = 0;     ///< callbacks that threw, deliveries that ended in an error
};

namespace detail {
class subscription_state;
}

/// Owns one subscription; destroying or resetting it ends it. Move-only; safe from any thread, and
/// after the bus and the io_context are gone.
class [[nodiscard("a subscription ends when its handle is destroyed")]] subscription {
 public:
    subscription() = default;
    TIDINGS_DECL explicit subscription(std::shared_ptr<detail::subscription_state> s) noexcept;
    subscription(subscription &&) = default;
    TIDINGS_DECL subscription& operator=(subscription&& o) noexcept;
    TIDINGS_DECL ~subscription();

    using executor_type = net::any_io_executor;
    /// Where its callback runs. Of an empty handle the system's.
    TIDINGS_DECL executor_type get_executor() const noexcept;

    /// Whether it was made and has not ended. A subscription refused (bad pattern) is false from
    /// the start, and `error()` says why.
    TIDINGS_DECL bool active() const noexcept;
    explicit operator bool() const noexcept {
        return active();
    }
    /// Why it was refused or ended; success while active. errc::bad_pattern, errc::too_many,
    /// errc::bad_filter or errc::too_large (of its filter), errc::bad_group, errc::lagging (it fell
    /// behind its bound under overflow::disconnect), errc::history_failed (what it was to resume
    /// from could not be read), errc::closed.
    TIDINGS_DECL error_code error() const noexcept;

    /// Ends it. Called on the executor its callback runs on: the callback is not called again, and
    /// what was queued is discarded and counted. From another thread a call may be
    /// running still, and of an immediate callback a publisher that is on its way to it may begin
    /// one; `async_reset` waits for all of them.
    TIDINGS_DECL void reset() noexcept;

    /// Ends it and completes with `void(error_code)` after the last running call of the callback,
    /// always with success; called inside that, after it has returned. Never inline. Per-operation
    /// cancellation: none; it has ended already.
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_reset(Token && token = Token{}) {
        return detail::initiate<void(error_code)>(
            get_executor(), std::forward<Token>(token),
            [state = state_](net::any_io_executor io, auto handler) {
                start_reset(state, tidings::completion_handler<error_code>(io, std::move(handler)));
            });
    }

    TIDINGS_DECL subscription_counters counters() const noexcept;

 private:
    TIDINGS_DECL static void start_reset(const std::shared_ptr<detail::subscription_state>& s,
                                         tidings::completion_handler<error_code> handler);
    std::shared_ptr<detail::subscription_state> state_;
};

}  // namespace tidings
