// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus.hpp>
#include <tidings/http/exchange.hpp>
#include <tidings/log.hpp>
#include <tidings/metrics.hpp>
#include <tidings/outlet/recheck.hpp>
#include <tidings/sse/session.hpp>

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

namespace tidings::sse {

/// What stands in the `data` lines.
enum class payload {
    cloudevents,  ///< the whole event as CloudEvents JSON
    data,         ///< its data as text, its type as the `event` field
};

struct service_options {
    tidings::authenticator authenticator{};  ///< empty: loopback peers only
    tidings::authorizer authorizer{};        ///< empty: each authenticated caller may subscribe
    /// Origins that may read across sites (CORS, with credentials), and then no other; as browsers
    /// write them. Empty: the Origin must be the Host.
    std::vector<std::string> allowed_origins{};
    /// How long an asynchronous authenticator or authorizer may take to answer; then, and beyond so
    /// many questions without an answer, 503. See `http::stream_policy`.
    std::chrono::milliseconds auth_timeout{5'000};
    std::size_t max_pending_auth = 128;
    sse::payload payload = sse::payload::cloudevents;

    queue_limits limits{};  ///< of what waits for a slow client and no history holds
    tidings::overflow overflow = tidings::overflow::disconnect;
    std::uint64_t max_lag = 0;  ///< events a client may be behind; 0: as far as the history reaches
    /// Of the inlet that brings the events of the readers of this service; they get none of them
    /// back. From `make_origin()`; 0: there is none.
    origin_id origin = 0;

    /// Sent at the start, drawn from once to twice this. 0: none is sent, and each client waits as
    /// it would by itself.
    std::chrono::milliseconds retry{2'000};
    /// The longest silence: then the position is sent, or a comment. 0: never.
    std::chrono::milliseconds heartbeat{15'000};
    std::chrono::milliseconds write_timeout{30'000};
    std::chrono::milliseconds max_lifetime{0};  ///< 0: none; else each stream 80 to 100 % of it

    sse::hooks hooks{};
    log_sink log{};
    std::shared_ptr<metrics_sink> metrics{};
    /// Of a stream that resumes, unless its request says (`after_gap=held` or `present`).
    tidings::after_gap after_gap = tidings::after_gap::present;
};

namespace detail {
class service_state;
}

/// Serves Server-Sent Events (WHATWG HTML 9.2) below its mount point:
/// `GET ?topic=<pattern>[&topic=...]`, resumed by `Last-Event-ID` (or `last_event_id`, `after`).
/// The id of an event is its position; what a resume cannot bring is announced by an event
/// `tidings.gap`, behind which `&after_gap=held` brings what is left. For `filter` and `retained`
/// see `http::stream_request`.
///
/// Handle; copies share one service. `close` ends it, so does the end of the server where it is
/// mounted, and, while it is mounted nowhere, the end of the last handle. What the options hold is
/// released then. A handle that was moved from answers 503.
class service {
 public:
    /// @throws std::invalid_argument where `retry` is negative, for a bus that was moved from
    TIDINGS_DECL explicit service(bus& b, service_options options = {});
    /// Without a bus: streams for the hooks alone; no topics are asked for.
    /// @throws std::invalid_argument where `retry` is negative
    TIDINGS_DECL explicit service(service_options options);

    /// Authenticates before the body is read; see `http::service`.
    TIDINGS_DECL void admit(http::exchange& x);
    TIDINGS_DECL void handle(http::exchange& x);
    /// Ends every stream, those that are asked for from now on at once: clients reconnect,
    /// elsewhere if somebody leads them there. From any thread.
    TIDINGS_DECL void drain();
    /// Cuts every stream, without the end of its body, and answers 503 from now on. From
    /// any thread, a hook too.
    TIDINGS_DECL void close();
    /// Asks again whether what is open may stay, as after a token was revoked: the authenticator
    /// with the credentials that a stream came with, then the authorizer for each of its patterns.
    /// A stream whose caller is not identified any more, or that loses all of them, ends; one that
    /// loses some goes on with the others. Once it has completed nothing that was revoked before
    /// the call leaves any more, from no queue either. See `sessions::async_recheck`.
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

}  // namespace tidings::sse
