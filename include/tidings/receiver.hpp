// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/subscription.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>

#include <vector>

namespace tidings {

namespace detail {
class receiver_subscription;
using receive_handler = completion_handler<error_code, std::vector<event_ptr>>;
}  // namespace detail

/// A subscription that is read by a coroutine: a bounded queue and its pending reads. Owns its
/// subscription; move-only. Safe from any thread; operations under way are served in order.
class [[nodiscard("a receiver's subscription ends when it is destroyed")]] receiver {
 public:
    receiver() = default;
    TIDINGS_DECL explicit receiver(std::shared_ptr<detail::receiver_subscription> s) noexcept;
    receiver(receiver &&) = default;
    TIDINGS_DECL receiver& operator=(receiver&& o) noexcept;
    TIDINGS_DECL ~receiver();

    using executor_type = net::any_io_executor;
    /// The bus's. Of an empty receiver the system's.
    TIDINGS_DECL executor_type get_executor() const noexcept;

    /// The next event, if there is one.
    TIDINGS_DECL std::optional<event_ptr> try_receive();

    /// Completes with `void(error_code, event_ptr)` when there is an event. Never inline.
    /// @error why the subscription was refused or ended, as `subscription::error` has it
    /// (errc::closed, errc::lagging, errc::history_failed, errc::bad_pattern, errc::too_many), and
    /// operation_aborted. Per-operation cancellation: total, nothing is lost. While it waits it is
    /// no outstanding work: `run()` returns if there is no other; a program that lives by this
    /// alone holds a work guard.
    template <net::completion_token_for<void(error_code, event_ptr)> Token = net::deferred_t>
    [[nodiscard]] auto async_receive(Token && token = Token{}) {
        return detail::initiate<void(error_code, event_ptr)>(
            get_executor(), token, [state = state_](net::any_io_executor io, auto handler) {
                auto slot = net::get_associated_cancellation_slot(handler);
                auto one = [h = std::move(handler)](error_code ec,
                                                    std::vector<event_ptr> events) mutable {
                    std::move(h)(ec, events.empty() ? event_ptr() : std::move(events.front()));
                };
                start(
                    state, 1,
                    detail::receive_handler(io, net::bind_executor(io, net::bind_cancellation_slot(
                                                                           slot, std::move(one)))));
            });
    }

    /// The same with 1 to `max` events at once: what is there. Errors, cancellation and outstanding
    /// work as with `async_receive`; cancelled, it takes no event.
    template <net::completion_token_for<void(error_code, std::vector<event_ptr>)> Token =
                  net::deferred_t>
    [[nodiscard]] auto async_receive_batch(std::size_t max, Token && token = Token{}) {
        return detail::initiate<void(error_code, std::vector<event_ptr>)>(
            get_executor(), token,
            [state = state_](net::any_io_executor io, auto handler, std::size_t n) {
                start(state, n, detail::receive_handler(io, std::move(handler)));
            },
            max);
    }

    /// Whether it is subscribed; see `subscription::error`.
    TIDINGS_DECL bool active() const noexcept;
    explicit operator bool() const noexcept {
        return active();
    }
    TIDINGS_DECL error_code error() const noexcept;
    /// Ends it; what is queued is discarded and counted, pending reads complete with
    /// errc::closed.
    TIDINGS_DECL void reset() noexcept;
    TIDINGS_DECL subscription_counters counters() const noexcept;

 private:
    TIDINGS_DECL static void start(const std::shared_ptr<detail::receiver_subscription>& s,
                                   std::size_t max, detail::receive_handler handler);
    std::shared_ptr<detail::receiver_subscription> state_;
};

}  // namespace tidings
