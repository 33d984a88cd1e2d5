// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/exchange.hpp>
#include <tidings/log.hpp>
#include <tidings/metrics.hpp>
#include <tidings/store/delivered_ids.hpp>
#include <tidings/subscriber.hpp>
#include <tidings/topic_rule.hpp>
#include <tidings/webhook/delivery_rate.hpp>
#include <tidings/webhook/event_reader.hpp>
#include <tidings/webhook/verifier.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tidings::webhook {

/// Answers a request by which a provider asks whether the URL is right; nothing for any other. It
/// is asked of every POST that was verified, before the reader, and of every GET, which is not.
using challenge_responder = std::function<std::optional<http::response>(const http::request&)>;

/// Says whether a question for intent is agreed to. It must not block.
using intent_rule = std::function<bool(const http::request&)>;

struct receiver_options {
    /// Checks the signature. Never empty: a receiver without one is refused at construction unless
    /// `allow_unsigned` is set.
    std::shared_ptr<const webhook::verifier> verifier{};
    /// On a loopback address such a one is under the server's rule for Host (`allowed_hosts`).
    bool allow_unsigned = false;
    event_reader reader{};  ///< empty: `read_standard()`
    challenge_responder challenge{};
    /// Whether the receiver wants what a REST hook would bring it: a POST with `X-Hook-Secret`,
    /// which is no delivery and is not signed, is answered by that field where this says yes, else
    /// 404. `X-Hook-Subscription` names the subscription (`rest_hook::client::intent`). Empty: such
    /// a POST is a webhook like any other.
    intent_rule intent{};
    topic_rule topic{};  ///< empty: the CloudEvents `topic`, else the type
    /// Senders that may deliver here, by the name that their `WebHook-Request-Origin` gives, or "*"
    /// for all: an OPTIONS request of one is consented to (CloudEvents webhooks 1.0.2, section 4).
    std::vector<std::string> webhook_origins{};
    /// Deliveries a minute that the consent allows; 0: any number.
    std::uint32_t webhook_rate = 0;
    /// Shared with the outlets that lead to the same peer, so that nothing goes back to it; from
    /// `make_origin()`. 0: its own.
    origin_id origin = 0;
    std::size_t max_body_bytes = 1024 * 1024;
    /// Events of a CloudEvents batch, of a receiver that reads by `read_standard`; with more the
    /// answer is 413, so that the sender makes it smaller. 0: none is taken, 415.
    std::size_t max_batch_events = 1000;
    /// Of the memory of what was delivered: each event, and each signature, so that none brings a
    /// second event, costs about 200 bytes. A repeated delivery is answered, and not delivered
    /// again. What must never get through twice needs room for all that comes within the verifier's
    /// tolerance; a signature of GitHub's has none, and can be used again once it is forgotten.
    std::size_t max_remembered_bytes = 4 * 1024 * 1024;
    /// How long the subscriber may take to accept. Then the answer is 503, and 503 to the same
    /// event until the subscriber has said what became of it.
    std::chrono::milliseconds accept_timeout{10'000};
    /// Events that the subscriber was given and has not answered yet, timed out or not, and the
    /// memory they hold. Beyond either: 503, before the body is read where possible. One event is
    /// always taken.
    std::size_t max_accepting = 1024;
    std::size_t max_accepting_bytes = 64 * 1024 * 1024;
    /// Of each source (the event's `source`, of a provider its account or repository): how many
    /// events a second are given to the subscriber, and how many at once. More are answered 429
    /// with `Retry-After`, or of a batch left for its repetition. What came before counts for
    /// nothing. Sources beyond the first 4,096 at a time have one rate together. 0: no limit.
    delivery_rate source_rate{};
    log_sink log{};
    std::shared_ptr<metrics_sink> metrics{};
    io::environment environment{};
    /// Where the ids of what was accepted are kept beyond the end of the process; of this receiver
    /// alone. They are written behind the acceptance and never before it, and the answer waits for
    /// that: a crash between may repeat an event, and loses none. Where the subscriber is a bus
    /// whose history is in the same file (`sqlite::make_delivered_ids`, `sqlite::make_history`) an
    /// event and its ids are committed together, so that it is there exactly once. Empty: in
    /// memory, within `max_remembered_bytes`.
    std::shared_ptr<store::delivered_ids> ids{};
};

namespace detail {
class receiver_state;
}

/// Receives webhooks below its mount point: verifies, reads, delivers to the subscriber it was
/// given. It answers 202 only when the subscriber has taken responsibility, so that the sender
/// repeats what was not accepted: 400 (not an event), 401 (signature), 405, 413, 429 (over the
/// source's rate, with Retry-After), 503 (not accepted, or not in time, or `max_accepting` wait
/// already, with Retry-After).
///
/// A CloudEvents batch (HTTP binding 1.0.2, 3.3) is delivered event by event, and answered 202 when
/// all were taken: `{"accepted": n, "duplicates": m}`. Where one was not, the answer is 503, and of
/// the repeated batch only that one is delivered. 400: one of them is no event, and none was
/// delivered. A batch whose `webhook-id` was accepted before is a repetition as a whole.
///
/// What the reader throws is answered 400, what the challenge responder and the rest of the user's
/// code throws 503; either is logged.
///
/// A signature covers the body and, by Standard Webhooks, `webhook-id` and the time; not the other
/// fields. In binary mode an event's attributes stand in those: an attacker that can change a
/// request on its way, which TLS prevents, can change them, but no request that was seen brings a
/// second event. In structured mode everything is signed.
///
/// Handle; copies share one receiver. `close`, or the end of the last handle (a mounted one lives
/// as long as its server), ends it: what the options hold and the subscriber are released, from
/// inside their calls too, and called no more; requests are answered 503, as they are by a handle
/// that was moved from. Events that the subscriber was given before are still answered.
class receiver {
 public:
    /// @throws std::invalid_argument without a verifier, without a subscriber, or with a rate that
    /// is none.
    TIDINGS_DECL receiver(any_subscriber sink, receiver_options options);
    /// Refuses other methods before the body is read; see `http::service`.
    TIDINGS_DECL void admit(http::exchange& x);
    TIDINGS_DECL void handle(http::exchange& x);
    TIDINGS_DECL std::size_t max_body_bytes() const noexcept;
    /// From any thread.
    TIDINGS_DECL void close() noexcept;

 private:
    std::shared_ptr<detail::receiver_state> state_;
};

}  // namespace tidings::webhook
