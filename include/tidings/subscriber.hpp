// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/detail/initiation.hpp>
#include <tidings/event_ptr.hpp>
#include <tidings/receipt.hpp>

#include <boost/asio/deferred.hpp>

#include <concepts>
#include <memory>

namespace tidings {

/// Completes one `async_deliver`: posts `(error_code, outcome)` to the caller's handler.
using deliver_handler = detail::completion_handler<error_code, outcome>;

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
            default_executor(), token,
            [self = this, keep = weak_from_this().lock()](net::any_io_executor io, auto handler,
                                                          event_ptr event) {
                self->start_deliver(std::move(event), deliver_handler(io, std::move(handler)));
            },
            std::move(e));
    }

    /// The inlet this outlet belongs to (a session or client that both sends and receives, a bus):
    /// the bus does not deliver to it what came from there. 0: none.
    virtual origin_id origin() const noexcept { return 0; }

    /// Called once when nothing will be delivered any more: the subscription ended or the bus is
    /// gone.
    virtual void on_unsubscribed(error_code /*why*/) noexcept {}

 private:
    /// What an outlet with storage overrides; by default `deliver`, its outcome mapped to an error.
    TIDINGS_DECL virtual void start_deliver(event_ptr e, deliver_handler handler);
    /// Where completions go that have no executor of their own.
    TIDINGS_DECL virtual net::any_io_executor default_executor() const noexcept;
};

template <class T>
concept has_subscriber = requires(T& t) {
    { t.as_subscriber() } -> std::convertible_to<std::shared_ptr<subscriber>>;
};

/// The one parameter type of `bus.subscribe` and of every inlet. Made from a shared_ptr to a
/// subscriber, from an rvalue of a class derived from it, or from a handle that has
/// `as_subscriber()` (a bus, a webhook endpoint, a client).
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

    const std::shared_ptr<subscriber>& get() const noexcept { return subscriber_; }
    std::shared_ptr<subscriber> release() && noexcept { return std::move(subscriber_); }

 private:
    std::shared_ptr<subscriber> subscriber_;
};

}  // namespace tidings
