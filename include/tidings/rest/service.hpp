// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/authorizer.hpp>
#include <tidings/bus.hpp>
#include <tidings/http/exchange.hpp>
#include <tidings/log.hpp>
#include <tidings/metrics.hpp>
#include <tidings/outlet/recheck.hpp>

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

namespace tidings::rest {

struct service_options {
    tidings::authenticator authenticator{};  ///< empty: loopback peers only
    /// Empty: every principal that is authenticated may publish and read: without an authenticator
    /// every process on this machine, with `allow_anonymous()` everybody. `subscribe_only()` takes
    /// events only from principals with the grant "publish".
    tidings::authorizer authorizer{};
    /// Empty: the Origin must be the Host. Else only these, as browsers write them.
    std::vector<std::string> allowed_origins{};

    /// How long an asynchronous authenticator or authorizer may take to answer; then, and beyond so
    /// many questions without an answer, 503. See `http::stream_policy`.
    std::chrono::milliseconds auth_timeout{5'000};
    std::size_t max_pending_auth = 128;

    std::size_t max_body_bytes = 1024 * 1024;
    std::size_t max_batch = 1000;                ///< events of one answer
    std::size_t max_answer_bytes = 1024 * 1024;  ///< of one answer; at least one event
    std::chrono::milliseconds max_wait{60'000};
    /// Long polls at once, each until its answer is written; beyond it 429. An answer holds fewer
    /// events, or is 503, where `http::server_options::max_buffered_bytes` has no room for more.
    std::size_t max_waiting = 10'000;
    /// Publications under way at once, as with a history or an outlet that takes its time; beyond
    /// it 429.
    std::size_t max_publishing = 1024;
    /// How long the history and the outlets may take to accept an event. Then the answer is 503:
    /// the event may have been accepted. A repetition with its id, or its key, is answered 409
    /// until that is known, and then as one. 0: any time.
    std::chrono::milliseconds accept_timeout{10'000};
    /// Of each principal, or of each address where it is anonymous (IPv6 by its first 64 bits), and
    /// as many at once; beyond it 429. 0: no limit. Anonymous peers on a loopback address or a Unix
    /// socket, which may all be a proxy's, count, as one, only if `count_loopback` is set.
    std::size_t max_publishes_per_second = 0;
    /// Of the memory of ids and keys by which a repetition is recognised: about 300 bytes each.
    std::size_t max_remembered_bytes = 4 * 1024 * 1024;
    /// Source and type of events whose body is not a CloudEvent.
    std::string default_source = "/topics";
    std::string default_type = "message";
    /// "rest_publications", by the result: accepted, duplicate, refused, failed.
    std::shared_ptr<metrics_sink> metrics{};
    bool count_loopback = false;
    log_sink log{};
    /// Of a `GET`, unless it says itself (`after_gap=held` or `present`).
    tidings::after_gap after_gap = tidings::after_gap::present;
};

namespace detail {
class service_state;
}

/// Topics as HTTP resources, below its mount point.
///
/// `POST /<topic>` publishes: a CloudEvent in structured or binary mode (CloudEvents HTTP binding),
/// else the body as data; one slash at the end of the path is ignored. It answers 202 with the
/// receipt as JSON: `id`, `position` (or null), `matched`, `delivered`, `queued`, `dropped`.
///
/// An event whose `source` and `id` the history holds, or the service remembers, is not published
/// again, and neither is a request with an `Idempotency-Key` that the same principal has used for
/// the same topic, whatever it holds. The answer then has `"duplicate":true`, the id and position
/// of the first, and zeros for counts, because nobody was given anything. While the first is still
/// being published: 409. One that failed is published again. A body that is not a CloudEvent gets
/// its id from the key.
///
/// What was published but did not reach an outlet that may take it later is answered 503; a
/// repetition reaches the others twice. An outlet that refuses it for good is in `dropped`. What
/// was not accepted within `accept_timeout` is answered 503, too.
///
/// `GET /<pattern>?after=<position>&max=N&wait=30s&filter=<JSON>` reads what the history holds
/// after a position, and an `event_filter` wants, as a CloudEvents batch, with `Tidings-Position`
/// and `Link: <...>; rel="next"`. Without `after`: from the present on. With `wait`, when there is
/// nothing yet, it is answered with the first event to come, or with `[]`. Events that are gone:
/// `Tidings-Gap: true`, and the position to go on from; with `after_gap=held` what is left of them
/// as well, and `Tidings-Gap-Position`, which lies before it. Nothing is kept between requests.
///
/// `GET /<pattern>?before=<position>&max=N` reads what is held before a position, and with an empty
/// one the newest: the newest first, with `Link: <...>; rel="next"` while older ones are held. A
/// position that the history does not know: `Tidings-Gap: true`, and the newest. 501 where a
/// history is not read backwards.
///
/// `items=data` gives of each event its data alone, and `items=standard` the payload of Standard
/// Webhooks, as JSON (application/json), as webhooks bring it; an event whose data are neither JSON
/// nor text is left out then. Else they are CloudEvents (`items=cloudevents`).
///
/// Handle; copies share one service. `close`, or the end of the last handle (a mounted one lives as
/// long as its server), ends it, and releases what the options hold.
///
/// Refusals are application/problem+json: 400, 401, 403, 404, 405, 409, 413, 415, 421, 429, 503;
/// with Retry-After where the same may succeed later (409, 429, 503). No answer of an
/// asynchronous authenticator or authorizer is 503. One that was moved from answers 503.
class service {
 public:
    /// @throws std::invalid_argument for a bus that was moved from
    TIDINGS_DECL explicit service(bus& b, service_options options = {});

    /// Authenticates before the body is read; see `http::service`.
    TIDINGS_DECL void admit(http::exchange& x);
    TIDINGS_DECL void handle(http::exchange& x);
    TIDINGS_DECL std::size_t max_body_bytes() const noexcept;
    /// Answers every long poll with what there is. From any thread.
    TIDINGS_DECL void drain();
    /// Drains, and answers 503 from now on. From any thread.
    TIDINGS_DECL void close();

    /// Asks again whether what is open may stay, as after a token was revoked: the authenticator
    /// with the credentials that a question that waits came with, then the authorizer for each of
    /// its patterns. Is that not allowed any more, it is answered 401 or 403. An answer
    /// that is on its way to a slow reader is cut with its connection. Once it has completed
    /// nothing that was revoked before the call leaves any more. See `sessions::async_recheck`.
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

 private:
    using slot = tidings::detail::closing_slot<detail::service_state>;
    TIDINGS_DECL static void start_recheck(const std::shared_ptr<slot>& s,
                                           const tidings::detail::recheck_filter& which,
                                           tidings::detail::recheck_handler handler);
    std::shared_ptr<slot> slot_;
};

}  // namespace tidings::rest
