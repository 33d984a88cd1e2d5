// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/detail/initiation.hpp>
#include <tidings/event_ptr.hpp>
#include <tidings/receipt.hpp>

#include <boost/asio/deferred.hpp>

#include <concepts>
#include <memory>
#include <type_traits>

namespace tidings {

/// Completes one `async_deliver`: posts `(error_code, outcome)` to the caller's handler.
using deliver_handler = tidings::completion_handler<error_code, outcome>;
/// Says where a subscription goes on.
using locate_handler = tidings::completion_handler<error_code, position>;

namespace detail {
/// Where a completion is posted that belongs to no context and names no executor: the system's.
TIDINGS_DECL net::any_io_executor fallback_executor() noexcept;
}  // namespace detail

/// Whatever takes events: a bus, a callback, a WebSocket session, an SSE stream, a webhook
/// endpoint, a user's own class. Owned by shared_ptr.
///
/// The bus calls both entries one at a time per subscription, on its own executor.
class subscriber : public std::enable_shared_from_this<subscriber> {
 public:
    subscriber() = default;
    subscriber(const subscriber&) = delete;
    subscriber& operator=(const subscriber&) = delete;
    virtual ~subscriber() = default;

    /// Takes an event without blocking.
    virtual outcome deliver(const event_ptr& e) noexcept = 0;

    /// Takes an event and completes with `void(error_code, outcome)` once the subscriber has taken
    /// responsibility for it: for an outlet with storage, once it is stored. Never completes
    /// inline; the handler runs on its associated executor (the subscriber's by default).
    /// Per-operation cancellation: none; responsibility once taken is not given back.
    /// @error errc::closed, errc::overflow, and what the outlet states.
    template <net::completion_token_for<void(error_code, outcome)> Token = net::deferred_t>
    [[nodiscard]] auto async_deliver(event_ptr e, Token&& token = Token{}) {
        return detail::initiate<void(error_code, outcome)>(
            default_executor(), std::forward<Token>(token),
            [self = this, keep = weak_from_this().lock()](net::any_io_executor io, auto handler,
                                                          event_ptr event) {
                self->start_deliver(std::move(event), deliver_handler(io, std::move(handler)));
            },
            std::move(e));
    }

    /// The inlet this outlet belongs to (a session or client that both sends and receives, a bus):
    /// the bus does not deliver to it what came from there. 0: none.
    virtual origin_id origin() const noexcept { return 0; }

    /// Whether it would take an event and do nothing with it, as an endpoint does with what is
    /// about itself. A queue group gives it to another member, or, where all decline, to none.
    /// Asked in the bus's lane; must neither block nor call the bus.
    virtual bool declines(const event_ptr& e) const noexcept {
        (void)e;
        return false;
    }

    /// Whether it keeps, beyond the process, up to where it has taken the events of a bus. Where a
    /// history can bring the rest, a subscription that was not told where to begin asks it for that
    /// (`start_locate`).
    virtual bool keeps_place() const noexcept { return false; }
    /// Where a subscription of this pattern goes on: behind what it took last, or, where it is new,
    /// at `here`, where the history stands. Asked once, before anything is delivered; what is
    /// published meanwhile waits. With an error it begins at `here`. What is gone is announced by
    /// `tidings.gap`; what the history holds behind that comes.
    TIDINGS_DECL virtual void start_locate(std::string_view pattern, position here,
                                           locate_handler h);

    /// Called once when nothing will be delivered any more: the subscription ended or the bus is
    /// gone.
    virtual void on_unsubscribed(error_code /*why*/) noexcept {}

 private:
    /// What an outlet with storage overrides; by default `deliver`, its outcome mapped to an error.
    /// A client counts an event at which it throws as refused for good, or, of std::bad_alloc,
    /// hands it over again.
    TIDINGS_DECL virtual void start_deliver(event_ptr e, deliver_handler handler);
    /// Where completions go that have no executor of their own.
    TIDINGS_DECL virtual net::any_io_executor default_executor() const noexcept;
};

template <class T>
concept has_subscriber = requires(T& t) {
    { t.as_subscriber() } -> std::convertible_to<std::shared_ptr<subscriber>>;
};

namespace detail {

/// A function as a subscriber. An event at which it throws counts as dropped.
template <class F>
class function_subscriber final : public subscriber {
 public:
    explicit function_subscriber(F f) : f_(std::move(f)) {}
    outcome deliver(const event_ptr& e) noexcept override {
        try {
            f_(e);
            return outcome::delivered;
        } catch (...) {
            return outcome::dropped;
        }
    }

 private:
    F f_;
};
/// Says in one sentence why an argument is neither a callback nor a subscriber. Never called where
/// it is one.
template <class Argument>
constexpr void explain_no_subscriber() {
    using type = std::remove_cvref_t<Argument>;
    if constexpr (std::derived_from<type, subscriber>) {
        static_assert(never<Argument>,
                      "a subscriber is owned by shared_ptr: pass std::make_shared<T>(...), or "
                      "std::move(it) to hand it over");
    } else if constexpr (requires(type & p) { std::shared_ptr<subscriber>(std::move(p)); }) {
        static_assert(never<Argument>,
                      "a subscriber is owned by shared_ptr: make it with std::make_shared instead "
                      "of std::make_unique");
    } else if constexpr (requires(type & h) { h.as_subscriber(); }) {
        static_assert(never<Argument>,
                      "what subscribes is changed by it: pass the bus, client or session as it is, "
                      "not as const");
    } else if constexpr (std::invocable<type&, const event&>) {
        static_assert(never<Argument>,
                      "a callback takes `const tidings::event_ptr&`, not an event: `e->topic()`, "
                      "`e->text()` and the rest are read through it");
    } else if constexpr (std::invocable<type&>) {
        static_assert(never<Argument>,
                      "a callback takes one argument, `const tidings::event_ptr&`");
    } else {
        static_assert(never<Argument>,
                      "subscribe takes a callback `void(const tidings::event_ptr&)`, a shared_ptr "
                      "to a subscriber, or what has as_subscriber(): a bus, an endpoint, a client");
    }
}

/// Says in one sentence why a callable cannot be a callback.
template <class Result>
constexpr void explain_callback_result() {
    if constexpr (requires { typename Result::executor_type; }) {
        static_assert(
            never<Result>,
            "a coroutine is no callback: read with bus.receive(pattern) in a coroutine of "
            "your own, or co_spawn inside the callback");
    } else {
        static_assert(never<Result>,
                      "a callback returns void: nobody would look at what it returns");
    }
}

}  // namespace detail

/// The one parameter type of `bus.subscribe` and of every inlet. Made from a shared_ptr to a
/// subscriber, from an rvalue of a class derived from it, from a handle that has
/// `as_subscriber()` (a bus, a webhook endpoint, a client), or from a function of an event that
/// returns nothing, which is called wherever the events come from.
class any_subscriber {
 public:
    template <std::derived_from<subscriber> S>
    any_subscriber(std::shared_ptr<S> s) : subscriber_(std::move(s)) {}
    template <class S>
    requires(std::derived_from<S, subscriber> && !std::is_const_v<S>) any_subscriber(S&& s)
        : subscriber_(std::make_shared<S>(std::forward<S>(s))) {}
    template <has_subscriber H>
    requires(!std::is_const_v<std::remove_reference_t<H>> &&
             !std::derived_from<std::remove_cvref_t<H>, subscriber>) any_subscriber(H&& h)
        : subscriber_(h.as_subscriber()) {}
    template <std::invocable<const event_ptr&> F>
    requires(!std::derived_from<std::remove_cvref_t<F>, subscriber> &&
             !has_subscriber<std::remove_reference_t<F>> &&
             std::is_void_v<std::invoke_result_t<F&, const event_ptr&>>) any_subscriber(F&& f)
        : subscriber_(std::make_shared<detail::function_subscriber<std::remove_cvref_t<F>>>(
              std::forward<F>(f))) {}

    const std::shared_ptr<subscriber>& get() const noexcept { return subscriber_; }
    std::shared_ptr<subscriber> release() && noexcept { return std::move(subscriber_); }

 private:
    std::shared_ptr<subscriber> subscriber_;
};

}  // namespace tidings
