// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/message.hpp>
#include <tidings/io/tls.hpp>
#include <tidings/store/outbox_limits.hpp>
#include <tidings/subscriber.hpp>
#include <tidings/webhook/async_signer.hpp>
#include <tidings/webhook/basic_credentials.hpp>
#include <tidings/webhook/batch_options.hpp>
#include <tidings/webhook/consent_request.hpp>
#include <tidings/webhook/delivery_rate.hpp>
#include <tidings/webhook/replay.hpp>
#include <tidings/webhook/retry_schedule.hpp>
#include <tidings/webhook/signer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tidings::webhook {

/// How an event stands in the request.
enum class body_form {
    /// The body is the data, attributes stand in `ce-` fields (CloudEvents HTTP binding 3.1). An
    /// event with more than 64 of these, or with which the header would be larger than 8 KiB, goes
    /// structured: servers refuse such headers with 431, and would at every attempt.
    binary,
    structured,  ///< the body is the whole event as JSON (3.2)
    /// The payload that Standard Webhooks 1.0.0 advises, `{"type", "timestamp", "data"}`: the
    /// event's type, its time (of an event without one that at which it was taken), and its data:
    /// JSON as it stands, text (`text/...` in UTF-8) as a string, `null` where there is none. Any
    /// other data is refused with errc::event_bad_data. Source, subject and extensions are not
    /// sent, and `webhook-id` is the only id.
    standard,
    /// Many events in one request, as a JSON array of what `structured` sends (3.3; CloudEvents
    /// JSON format 4). For receivers that asked for it: CloudEvents forbids it where it is not
    /// solicited. `batch_options` say when a batch goes, and what becomes of one that fails.
    batch,
    /// The body is the data, its content type the Content-Type; no attribute is sent. A content
    /// type for which a request has no room is refused with errc::header_too_large.
    raw,
};

/// In which order an endpoint gets what it is owed.
enum class delivery_order {
    any,       ///< as it is due: what is tried again holds up nothing else
    endpoint,  ///< as it was published, one after another
    /// The same among events with the same CloudEvents extension `partitionkey`; those without one
    /// are in no order.
    partition,
};

/// What happens when every attempt of an ordered delivery has failed.
enum class at_exhaustion {
    skip,  ///< it becomes a dead letter, and the next one's turn comes
    stop,  ///< what is behind it waits until the outbox redelivers it (`async_redeliver`)
};

struct endpoint_options {
    std::string url{};
    /// Of Standard Webhooks: `whsec_...`, or the private key `whsk_...`.
    std::string secret{};
    std::vector<std::string> secrets{};  ///< further ones during a rotation; all sign
    /// Signs in another way, or, with `no_signature()`, not at all. The secrets are not read then;
    /// `webhook-id` and `webhook-timestamp` are sent as well.
    std::shared_ptr<const webhook::signer> signer{};
    /// Signs elsewhere, in place of both.
    std::shared_ptr<webhook::async_signer> async_signer{};
    /// Names it in the outbox. Empty: the URL; an outbox that outlives the process needs an id.
    std::string id{};
    body_form form = body_form::binary;
    batch_options batch{};  ///< of `body_form::batch`; of another form as they are here
    /// Further request fields. Those that the sender makes are refused: of framing, connection and
    /// body, `Host`, `Content-*`, `Proxy-*`, `webhook-*`, `ce-*`, and what the signer sets.
    http::fields fields{};
    /// Credentials, of one kind at most; `Authorization` among the fields is another. They are sent
    /// with each delivery, and stand in no log.
    std::string bearer_token{};  ///< RFC 6750: letters, digits and `-._~+/`, then `=`
    basic_credentials basic{};
    /// In place of the sender's: a client certificate (mTLS), roots or a name of its own. Such an
    /// endpoint shares its connections with no other.
    std::optional<io::tls_client_options> tls{};
    std::optional<consent_request> consent{};  ///< what the target is asked first; none: nothing
    delivery_rate rate{};  ///< how often it is sent to, whatever `max_in_flight` lets be under way
    /// Of the inlet that brings the target's own events; none of them goes back to it. From
    /// `make_origin()`; 0: there is none.
    origin_id origin = 0;
    /// Attempts at once, at most: halved when it refuses, times out or answers 429 or 503, one more
    /// when as many as it may have have succeeded. 1: deliveries go out in order, but for those
    /// that are retried.
    std::size_t max_in_flight = 1;
    /// Called once, when it answered 410, or `webhook-delivery: disable`, while it was active:
    /// nothing more is delivered. In the sender's lane; never after `endpoint::close`, a
    /// replacement, the sender's end or that of the last that held the endpoint, which release it.
    /// What it throws is logged.
    std::function<void()> on_gone{};
    delivery_order order = delivery_order::any;
    at_exhaustion exhausted = at_exhaustion::skip;  ///< of an endpoint with an order
    /// When to try again; none: as the sender does, of an endpoint with an order on a schedule that
    /// ends within an hour.
    std::optional<retry_options> retry{};
    /// Takes the place of the endpoint of this id, which then delivers what that was owed. Without
    /// it an id (empty: the URL) that another endpoint has is an error.
    bool replace = false;
    /// The `webhook-id` is a hash of the event's source and id; also of this, where a receiver is
    /// behind several endpoints and is to take an event from each.
    std::string id_scope{};
    std::string owner{};  ///< of its rows in the outbox, for `store::outbox::async_erase`
    std::optional<store::outbox_limits> limits{};  ///< of what it is owed; none: the outbox's
};

struct endpoint_counters {
    std::uint64_t accepted = 0, delivered = 0, failed_attempts = 0, dead = 0;
    std::uint64_t gaps = 0;  ///< how often events for it were gone before the outbox had them
};

namespace detail {
class endpoint_state;
}

/// A webhook target as a subscriber, at least once: what `async_deliver` accepted is in the outbox,
/// and what `deliver` queued will be, unless the outbox fails. Handle; destroying it does not take
/// the endpoint off a bus (its subscription does). What was taken is delivered, on the sender's
/// schedule, whether or not anything still holds the endpoint: only `close`, and 410 of the target,
/// give up what is owed. What an outbox holds for an id that its sender was never given stays
/// there, for a sender that is.
class endpoint {
 public:
    TIDINGS_DECL explicit endpoint(std::shared_ptr<detail::endpoint_state> s) noexcept;
    /// For one subscription. On a bus with a history, of a sender whose outbox outlives the
    /// process, it goes on after a restart where it was: what the history has and the outbox has
    /// not is delivered. One that ends, and begins again in the same process, begins in the
    /// present.
    TIDINGS_DECL std::shared_ptr<subscriber> as_subscriber();
    TIDINGS_DECL endpoint_counters counters() const noexcept;
    /// Whether it takes deliveries: not gone, not closed.
    TIDINGS_DECL bool active() const noexcept;
    /// Why it is disabled: it takes nothing, and one attempt now and then probes it with what it is
    /// owed. Empty: it is not. Survives a restart with a durable outbox.
    TIDINGS_DECL error_code disabled() const noexcept;
    /// Why the target has not agreed to be sent webhooks (`endpoint_options::consent`): nothing is
    /// delivered to it until it does, and it is asked again after 1 min, and then up to once an
    /// hour. Empty: it agreed, or it is not asked. errc::undecided: it is being asked, or will be
    /// when there is something for it; errc::webhook_no_consent: its answer was none;
    /// errc::connection_failed, errc::timed_out and others of a request: it gave no answer.
    TIDINGS_DECL error_code consent() const noexcept;
    /// The target agrees, as it told the callback of the request for consent
    /// (`WebHook-Allowed-Rate`). From any thread.
    /// @param per_minute 0: without a limit; none: the rate that was asked for
    TIDINGS_DECL void grant(std::optional<std::uint32_t> per_minute = std::nullopt);
    /// Enables it, and forgets that it failed: it is sent to at once. From any thread.
    TIDINGS_DECL void enable();
    /// Sends what a history holds once more, whatever became of it before: to a target that has
    /// lost it. Completes with `void(error_code, replayed)` when the outbox has all of it, or with
    /// the first error; what was taken until then is sent. What the endpoint's order says holds for
    /// it, too. Per-operation cancellation: none; closing the endpoint ends it.
    /// @error errc::missed (something that could have matched is gone from the history: nothing of
    /// the slice that it is missing from is sent, and `gone` says up to where), errc::outbox_full,
    /// errc::webhook_disabled, errc::closed, errc::store_failed, errc::history_failed,
    /// errc::invalid_argument (no history)
    template <net::completion_token_for<void(error_code, replayed)> Token = net::deferred_t>
    [[nodiscard]] auto async_replay(replay_range range, Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code, replayed)>(
            get_executor(), std::forward<Token>(token),
            [state = state_](net::any_io_executor io, auto handler, replay_range what) {
                start_replay(state, std::move(what), replay_handler(io, std::move(handler)));
            },
            std::move(range));
    }
    using executor_type = net::any_io_executor;
    /// The sender's.
    TIDINGS_DECL executor_type get_executor() const noexcept;
    /// Takes nothing more; deliveries owed are given up. From any thread.
    TIDINGS_DECL void close() noexcept;

 private:
    using replay_handler = tidings::completion_handler<error_code, replayed>;
    TIDINGS_DECL static void start_replay(const std::shared_ptr<detail::endpoint_state>& s,
                                          replay_range range, replay_handler h);
    std::shared_ptr<detail::endpoint_state> state_;
};

}  // namespace tidings::webhook
