// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/drain.hpp>
#include <tidings/http/client.hpp>
#include <tidings/log.hpp>
#include <tidings/metrics.hpp>
#include <tidings/store/outbox.hpp>
#include <tidings/subscriber.hpp>
#include <tidings/webhook/address_guard.hpp>
#include <tidings/webhook/attempt_options.hpp>
#include <tidings/webhook/endpoint.hpp>
#include <tidings/webhook/endpoint_change.hpp>
#include <tidings/webhook/event_outcome.hpp>
#include <tidings/webhook/health_options.hpp>
#include <tidings/webhook/operational_options.hpp>
#include <tidings/webhook/retry_schedule.hpp>
#include <tidings/webhook/signing_options.hpp>

#include <functional>

namespace tidings::webhook {

/// One attempt, for a log or a dashboard.
struct attempt {
    std::string endpoint{};
    std::string message_id{};  ///< of a batch of several events its `webhook-id`
    std::size_t events = 1;    ///< that were sent in it
    std::uint32_t number = 1;
    unsigned status = 0;  ///< 0: no answer, or none that can be read
    error_code error{};   ///< what went wrong, if anything
    /// In which phase the request failed, although a status may have come: `resolve`, `connect`,
    /// `tls`, `write`, `first_byte`, `body` (the rest of the answer). Empty: in none.
    std::string_view phase{};
    verdict result = verdict::success;
    std::optional<std::chrono::milliseconds> next{};  ///< the wait before the next; none: the last
};

struct sender_options {
    std::shared_ptr<store::outbox> outbox{};  ///< empty: one in memory, with its default bounds
    retry_options retry{};  ///< of the first delay there is no jitter: deliveries keep their order
    address_guard_options guard{};  ///< which targets are allowed: public https addresses
    /// Attempts under way, of all endpoints, which take turns. Those without a recent success have
    /// half of them at most, and half of the threads that resolve names. An endpoint that is new
    /// waits for its first attempt at most `request_timeout` times the number of endpoints without
    /// a recent success, divided by half of this and rounded up. Not 0.
    std::size_t max_connections = 1024;
    attempt_options attempts{};  ///< which are written to the outbox
    /// So many deliveries that have ended are known to `sender::async_outcome`, the newest. Each
    /// has less than 100 bytes of memory. 0: it knows only what it waited for.
    std::size_t max_outcomes = 4096;
    health_options health{};            ///< when an endpoint is spared, and when it is disabled
    signing_options signing{};          ///< how an endpoint's `async_signer` is asked
    operational_options operational{};  ///< the bus that has events about its endpoints
    // Deadlines of an attempt: of its phases, and of the whole, which bounds them.
    std::chrono::milliseconds resolve_timeout{5'000};
    std::chrono::milliseconds connect_timeout{10'000};     ///< of TCP
    std::chrono::milliseconds tls_timeout{10'000};         ///< of the handshake
    std::chrono::milliseconds first_byte_timeout{20'000};  ///< of an answer, from the request on
    std::chrono::milliseconds request_timeout{20'000};
    /// How long the addresses of a name are used again. The guard judges them at each use, and an
    /// address that does not answer is looked up again.
    std::chrono::milliseconds keep_addresses{60'000};
    std::size_t max_response_bytes = 64 * 1024;
    std::chrono::milliseconds drain_timeout{30'000};
    io::tls_client_options tls{};
    std::string user_agent = "tidings-webhook/0.1";
    /// In the sender's lane, and never after the sender was destroyed, which releases it. What it
    /// throws is logged.
    std::function<void(const attempt&)> on_attempt{};
    std::function<void(const endpoint_change&)> on_endpoint{};  ///< the same of an endpoint
    log_sink log{};
    std::shared_ptr<metrics_sink> metrics{};
    io::environment environment{};
};

namespace detail {
class sender_state;
}  // namespace detail

/// Delivers events to endpoints over HTTP: signed (Standard Webhooks 1.0.0), retried on a schedule,
/// from an outbox. Handle on shared state: move-only, safe from any thread; destroying it stops.
/// One that was moved from is closed: operations end with errc::closed, getters give defaults.
///
/// 2xx is success; 410, and an answer with `webhook-delivery: disable`, end the endpoint; 429, 502,
/// 503 and 504 pause it (`Retry-After` heeded); anything else, redirects included, is retried. A
/// status counts once its line was read, whatever is wrong with the rest of the answer, unless the
/// connection ends before the fields do. Every address a target resolves to passes the guard before
/// it is connected to.
class sender {
 public:
    /// @throws std::invalid_argument for options that cannot be, with what is wrong in its text
    TIDINGS_DECL explicit sender(net::any_io_executor executor, sender_options options = {});
    template <class Context>
    requires std::convertible_to<Context&, net::execution_context&>
    explicit sender(Context& context, sender_options options = {})
        : sender(net::any_io_executor(context.get_executor()), std::move(options)) {}
    sender(sender&&) = default;
    TIDINGS_DECL sender& operator=(sender&& o) noexcept;
    TIDINGS_DECL ~sender();

    /// @throws std::invalid_argument for what the overload below reports, with the reason and the
    /// URL's scheme and host in its text: the rest of a URL may be secret.
    TIDINGS_DECL webhook::endpoint endpoint(endpoint_options options);
    /// @error errc::bad_url, errc::webhook_bad_scheme, errc::address_refused (port or literal
    /// address), errc::webhook_missing_secret, errc::webhook_invalid_secret,
    /// errc::webhook_reserved_field, errc::webhook_bad_credentials, errc::webhook_duplicate,
    /// errc::invalid_argument (its retry options, its batch options, or these of another form than
    /// `batch`, its rate, the form of a field, its request for consent, two signers, no id over an
    /// outbox that outlives the process), errc::tls_failed or what the system reports (its
    /// certificate), errc::closed
    TIDINGS_DECL webhook::endpoint endpoint(endpoint_options options, error_code& ec);
    /// The same; with an error `detail` gets what is wrong of the endpoint's request fields,
    /// credentials or certificate: `the field Host`. Nothing of it is secret.
    TIDINGS_DECL webhook::endpoint endpoint(endpoint_options options, error_code& ec,
                                            diagnostics& detail);

    using executor_type = net::any_io_executor;
    TIDINGS_DECL executor_type get_executor() const noexcept;

    /// Takes nothing more, makes the deliveries that are due now, and completes with
    /// `void(error_code)` when each has an answer. What is due later stays in the outbox.
    /// Per-operation cancellation: none, the drain goes on; destroying the sender ends it.
    /// @error errc::timed_out: `sender_options::drain_timeout` passed. errc::store_failed: the
    /// outbox went on failing for two seconds. With both the log says how many deliveries at
    /// least are still owed, which stay in the outbox. errc::closed: the sender was
    /// destroyed or moved from.
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_drain(Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code)>(
            get_executor(), std::forward<Token>(token),
            [state = state_](net::any_io_executor io, auto handler) {
                start_drain(state, tidings::completion_handler<error_code>(io, std::move(handler)));
            });
    }
    /// What it delivers from: for looking at what is owed, at dead letters and at attempts. Entries
    /// that the caller changes there are seen with the next claim.
    TIDINGS_DECL std::shared_ptr<store::outbox> outbox() const;

    /// Sends dead letters, and what waits for an operator, again: as if never attempted, at once.
    /// Completes with `void(error_code, store::outbox_redelivered)`, which counts all of them.
    /// @param of which; what is owed anyhow is passed over, `max_entries` is not read
    /// @param as_new under another `webhook-id`, for a receiver that lost what it acknowledged
    /// Per-operation cancellation: none. @error errc::store_failed, errc::outbox_full (`full` is
    /// set: what follows `last_key` stays), errc::closed
    template <net::completion_token_for<void(error_code, store::outbox_redelivered)> Token =
                  net::deferred_t>
    [[nodiscard]] auto async_redeliver(store::outbox_selection of, bool as_new = false,
                                       Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code, store::outbox_redelivered)>(
            get_executor(), std::forward<Token>(token),
            [state = state_, as_new](net::any_io_executor io, auto handler,
                                     store::outbox_selection which) {
                start_redeliver(state, std::move(which), as_new,
                                redeliver_handler(io, std::move(handler)));
            },
            std::move(of));
    }

    /// What became of an event, at each endpoint that it went to. Completes with
    /// `void(error_code, event_outcome)` once nothing of it is owed any more: delivered, given up,
    /// waiting for an operator, or erased. That may take as long as the schedule has, or as an
    /// endpoint is disabled. What is owed to an endpoint that has ended is given up at once.
    ///
    /// An event is known by its source and id, however often it was published, also after a restart
    /// with an outbox that is durable. It is to be in the outbox: ask when `async_publish` has
    /// completed. What has ended before is known of the newest `sender_options::max_outcomes`
    /// deliveries of this process; of an event of which these and the outbox know nothing, the log
    /// of attempts is read through for deliveries (`attempt_options::successes`).
    ///
    /// Any number may wait, for the same event, too; each holds about 100 bytes for each endpoint.
    /// What the program itself, or another sender, ends in an outbox that they share is seen when
    /// something is redelivered, erased or closed here. From any thread. Per-operation
    /// cancellation: all types, with `net::error::operation_aborted`.
    /// @error errc::not_found (nothing is known of it), errc::closed (the sender has ended, drained
    /// or not; the outcomes are those that were known until then, what was owed stays in the
    /// outbox), errc::store_failed, errc::out_of_memory, errc::invalid_argument (no event)
    template <net::completion_token_for<void(error_code, event_outcome)> Token = net::deferred_t>
    [[nodiscard]] auto async_outcome(std::string source, std::string id, Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code, event_outcome)>(
            get_executor(), std::forward<Token>(token),
            [state = state_](net::any_io_executor io, auto handler, store::outbox_event of) {
                start_outcome(state, std::move(of), outcome_handler(io, std::move(handler)));
            },
            store::outbox_event{std::move(source), std::move(id)});
    }
    template <net::completion_token_for<void(error_code, event_outcome)> Token = net::deferred_t>
    [[nodiscard]] auto async_outcome(const event_ptr& e, Token&& token = Token{}) {
        return async_outcome(e ? std::string(e->source()) : "", e ? std::string(e->id()) : "",
                             std::forward<Token>(token));
    }

    /// Sends what was sent in an attempt of the log once more, whatever became of it. Completes
    /// with `void(error_code)` when the outbox has it. Per-operation cancellation: none.
    /// @param attempt its key
    /// @error errc::not_found (it is not kept any more, and with it what was sent),
    /// errc::outbox_full, errc::webhook_disabled, errc::store_failed, errc::closed
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_resend(std::uint64_t attempt, bool as_new = false,
                                    Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code)>(
            get_executor(), std::forward<Token>(token),
            [state = state_, attempt, as_new](net::any_io_executor io, auto handler) {
                start_resend(state, attempt, as_new,
                             tidings::completion_handler<error_code>(io, std::move(handler)));
            });
    }

    /// Erases everything of an owner (`endpoint_options::owner`): what is owed to its endpoints,
    /// their dead letters, attempts and rows. Attempts to them that are under way are cut off, are
    /// not logged and count as none; with an outbox of several senders those of this one. Completes
    /// with `void(error_code)` when it cannot be read from the storage any more. Endpoints that are
    /// still added here take new events: close them before. Per-operation cancellation: none.
    /// @error errc::store_failed (what was cut off and not erased is sent again), errc::store_full
    /// (the rows are gone, what is left of them in a file may not be: erase again), errc::closed
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_erase(std::string owner, Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code)>(
            get_executor(), std::forward<Token>(token),
            [state = state_](net::any_io_executor io, auto handler, std::string whose) {
                start_erase(state, std::move(whose),
                            tidings::completion_handler<error_code>(io, std::move(handler)));
            },
            std::move(owner));
    }

    /// For `drain_on_signal`: drains after buses and what holds streams.
    TIDINGS_DECL std::shared_ptr<drainable> drain_state() const;
    /// Deliveries being made at this moment.
    TIDINGS_DECL std::size_t in_flight() const noexcept;
    /// For services of the library.
    const std::shared_ptr<detail::sender_state>& state() const noexcept { return state_; }

 private:
    using redeliver_handler = tidings::completion_handler<error_code, store::outbox_redelivered>;
    using outcome_handler = tidings::completion_handler<error_code, event_outcome>;
    TIDINGS_DECL static void start_outcome(const std::shared_ptr<detail::sender_state>& s,
                                           store::outbox_event of, outcome_handler handler);
    TIDINGS_DECL static void start_redeliver(const std::shared_ptr<detail::sender_state>& s,
                                             store::outbox_selection of, bool as_new,
                                             redeliver_handler handler);
    TIDINGS_DECL static void start_erase(const std::shared_ptr<detail::sender_state>& s,
                                         std::string owner,
                                         tidings::completion_handler<error_code> handler);
    TIDINGS_DECL static void start_resend(const std::shared_ptr<detail::sender_state>& s,
                                          std::uint64_t attempt, bool as_new,
                                          tidings::completion_handler<error_code> handler);
    TIDINGS_DECL static void start_drain(const std::shared_ptr<detail::sender_state>& s,
                                         tidings::completion_handler<error_code> handler);
    std::shared_ptr<detail::sender_state> state_;
};

}  // namespace tidings::webhook
