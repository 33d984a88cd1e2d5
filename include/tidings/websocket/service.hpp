// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus.hpp>
#include <tidings/http/exchange.hpp>
#include <tidings/log.hpp>
#include <tidings/metrics.hpp>
#include <tidings/outlet/recheck.hpp>
#include <tidings/topic_rule.hpp>
#include <tidings/websocket/session.hpp>

#include <boost/asio/deferred.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tidings::detail {
template <class State>
class closing_slot;
}

namespace tidings::websocket {

struct service_options {
    tidings::authenticator authenticator{};  ///< empty: loopback peers only
    /// Empty: each authenticated caller may subscribe, none may publish.
    tidings::authorizer authorizer{};
    /// Empty: the Origin must be the Host. Else only these, as browsers write them.
    std::vector<std::string> allowed_origins{};
    /// How long an asynchronous authenticator or authorizer may take to answer; then, and beyond so
    /// many questions without an answer, 503. See `http::stream_policy`.
    std::chrono::milliseconds auth_timeout{5'000};
    std::size_t max_pending_auth = 128;
    std::shared_ptr<const websocket::codec> codec{};  ///< empty: `cloudevents.json`
    topic_rule topic{};                               ///< of events that clients send

    std::size_t max_message_bytes = 64 * 1024;  ///< of one incoming message
    /// Held of messages that have not all arrived, over all clients of this service; the one that
    /// comes on top is closed with 1013. They count in the server's `max_buffered_bytes`, too.
    std::size_t max_buffered_bytes = 64 * 1024 * 1024;
    /// Events that one client may publish, and as many at once as `publish_burst`; 0: any number.
    /// Beyond that nothing is refused: the connection is not read for a while.
    std::size_t max_publishes_per_second = 100;
    std::size_t publish_burst = 200;
    queue_limits limits{};  ///< of what waits for a slow client and no history holds
    tidings::overflow overflow = tidings::overflow::disconnect;
    std::uint64_t max_lag = 0;  ///< events a client may be behind; 0: as far as the history reaches

    std::chrono::milliseconds ping_interval{25'000};  ///< of silence, then a ping; 0: never
    /// Then the connection is cut, unless it still takes what waits for it: then `write_timeout`
    /// says.
    std::chrono::milliseconds pong_timeout{8'000};
    /// Of a closing handshake, once everything that was to be sent has left.
    std::chrono::milliseconds close_timeout{5'000};
    /// A client that takes less than 1 KiB/s over such a time of what waits for it is cut.
    std::chrono::milliseconds write_timeout{30'000};
    /// A frame that has begun brings at least 1 KiB/s over each such time, or the connection is
    /// closed with 4009 (`close_too_slow`).
    std::chrono::milliseconds frame_timeout{30'000};
    /// The time from a message's first byte to its last, over all its frames; 0: any.
    std::chrono::milliseconds message_timeout{60'000};

    websocket::hooks hooks{};
    log_sink log{};
    std::shared_ptr<metrics_sink> metrics{};
    /// Of a stream that resumes, unless its request says (`after_gap=held` or `present`).
    tidings::after_gap after_gap = tidings::after_gap::present;
};

namespace detail {
class service_state;
}

/// Serves WebSocket (RFC 6455, version 13) below its mount point. On a bus:
/// `GET ?topic=<pattern>[&topic=...][&after=<position>]` subscribes, resuming after a position
/// (`&after_gap=held`: behind a gap what is left comes); for `filter` and `retained` see
/// `http::stream_request`;
/// events the client sends are published where it is granted. A ping may carry the client's
/// position, as `tidings-position:<position>`.
///
/// A request that is no upgrade is answered 426, a malformed one 400, an Origin that is not allowed
/// or a topic that is not granted 403, a missing credential 401, no answer whether it is allowed
/// 503; each says why.
///
/// Handle; copies share one service. `close` ends it, so does the end of the server where it is
/// mounted, and, while it is mounted nowhere, the end of the last handle. What the options hold is
/// released then. A handle that was moved from answers 503.
class service {
 public:
    /// @throws std::invalid_argument for a bus that was moved from
    TIDINGS_DECL explicit service(bus& b, service_options options = {});
    /// Without a bus: raw messages for the hooks alone; no topics are asked for.
    TIDINGS_DECL explicit service(service_options options);

    /// Authenticates before the body is read; see `http::service`.
    TIDINGS_DECL void admit(http::exchange& x);
    TIDINGS_DECL void handle(http::exchange& x);
    /// Closes every session with 1001. From any thread.
    TIDINGS_DECL void drain();
    /// Ends every session at once, without a closing handshake, and answers 503 from now on. From
    /// any thread, a hook too.
    TIDINGS_DECL void close();
    /// Asks again whether what is open may stay, as after a token was revoked: the authenticator
    /// with the credentials that a client came with, then the authorizer for each of its patterns.
    /// A client that is not identified any more is closed with 3000, one that loses all of them
    /// with 3003; one that loses some goes on with the others. Once it has completed nothing that
    /// was revoked before the call leaves any more, from no queue either. See
    /// `sessions::async_recheck`.
    ///
    /// Completes with `void(error_code)`: success; errc::closed where this was closed or moved
    /// from, or the context of the bus or of what is asked has ended; errc::callback_threw where
    /// `which` threw. Never inline. Per-operation cancellation: none; each question has
    /// `auth_timeout`. From any thread.
    /// @param which those whose principal is such; called on this thread, must not call the service
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_recheck(std::function<bool(const principal&)> which,
                                     Token&& token = Token{}) {
        return tidings::detail::initiate_recheck(
            get_executor(), std::move(which), std::forward<Token>(token),
            [slot = slot_](const auto& chosen, tidings::detail::recheck_handler handler) {
                start_recheck(slot, chosen, std::move(handler));
            });
    }
    using executor_type = net::any_io_executor;
    /// The bus's; without one, or where its context has ended, the system's.
    TIDINGS_DECL executor_type get_executor() const noexcept;
    /// How many are open. From any thread.
    TIDINGS_DECL std::size_t sessions() const noexcept;

 private:
    using slot = tidings::detail::closing_slot<detail::service_state>;
    TIDINGS_DECL static void start_recheck(const std::shared_ptr<slot>& s,
                                           const tidings::detail::recheck_filter& which,
                                           tidings::detail::recheck_handler handler);
    std::shared_ptr<slot> slot_;
};

}  // namespace tidings::websocket
