// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/authorizer.hpp>
#include <tidings/bus.hpp>
#include <tidings/http/exchange.hpp>
#include <tidings/rest_hook/event_type.hpp>
#include <tidings/rest_hook/proof_options.hpp>
#include <tidings/store/table.hpp>
#include <tidings/webhook/sender.hpp>

#include <chrono>
#include <functional>
#include <vector>

namespace tidings::detail {
template <class State>
class closing_slot;
}

namespace tidings::rest_hook {

struct manager_options {
    /// Where subscriptions are kept, their secrets with them. Empty: in memory.
    std::shared_ptr<store::table> table{};
    tidings::authenticator authenticator{};  ///< empty: loopback peers only
    /// Asked for action::manage, with an empty topic, before anything else, and for
    /// action::subscribe on the pattern of a new subscription. Empty: loopback peers may do all,
    /// others nothing.
    tidings::authorizer authorizer{};
    /// Whether a caller may see and change the subscriptions of every owner, and what targets
    /// answered that are no public addresses. It must not block. Empty: without an authenticator,
    /// where all callers are on this machine, each of them, else none.
    std::function<bool(const principal&)> is_operator{};
    /// Empty: the Origin must be the Host. Else only these, as browsers write them.
    std::vector<std::string> allowed_origins{};
    /// What a target shows before anything is delivered to it.
    proof_options proof{};
    /// The catalogue of what the application publishes, which the API shows below `/event-types` to
    /// all that may manage subscriptions. Each name once.
    std::vector<event_type> event_types{};
    /// A subscription takes only patterns that have topics in common with a name of `event_types`.
    bool known_types_only = false;
    std::size_t max_event_type_bytes = 1024 * 1024;  ///< of all of them, and what they take beside

    /// How long an asynchronous authenticator or authorizer may take to answer; then, and beyond so
    /// many questions without an answer, 503. See `http::stream_policy`.
    std::chrono::milliseconds auth_timeout{5'000};
    std::size_t max_pending_auth = 128;

    std::size_t max_hooks = 10'000;
    std::size_t max_hooks_per_principal = 1'000;
    /// What the rows of one principal's subscriptions may hold in the table.
    std::size_t max_bytes_per_principal = 8 * 1024 * 1024;
    /// Subscriptions that one principal may make: so many in a minute, and as many at once after a
    /// minute without any. 0: any number.
    std::size_t max_creates_per_minute = 0;
    std::size_t max_page = 1'000;  ///< subscriptions of one answer
    std::size_t max_body_bytes = 16 * 1024;
    /// How long a request waits for the table. Then it is answered 503, and a subscription that is
    /// written all the same is erased. So long, too, other subscriptions wait for one whose end is
    /// announced or whose target is asked; the list is read again then, with longer waits.
    std::chrono::milliseconds table_timeout{10'000};
    webhook::body_form form = webhook::body_form::binary;  ///< of those that ask for none
    /// No subscription is sent to faster, nor in larger bursts, whatever its `rate`.
    webhook::delivery_rate max_rate{};
    std::chrono::seconds default_lease{0};  ///< of those that ask for no end; 0: they have none
    std::chrono::seconds max_lease{0};      ///< no subscription has longer at a time; 0: any
    /// How long before a subscription ends `tidings.rest_hook.expiring` is published on the bus. Of
    /// one that is to last less than twice as long there is none. 0: there are none.
    std::chrono::seconds expiring_lead{24 * 60 * 60};
    /// How long the secret before signs as well, where the request does not say; at most 7 days.
    std::chrono::seconds secret_overlap{24 * 60 * 60};
    /// Answers to requests with an Idempotency-Key that are remembered, in bytes and in time.
    std::size_t max_remembered_bytes = 1024 * 1024;
    std::chrono::seconds remember_for{24 * 60 * 60};
    /// Of the inlet that brings the targets' own events; none of them goes back. From
    /// `make_origin()`; 0: there is none.
    origin_id origin = 0;
    log_sink log{};
    std::shared_ptr<metrics_sink> metrics{};
    io::environment environment{};
};

namespace detail {
class manager_state;
}

/// REST hooks: others subscribe their webhooks to topics by an HTTP API below its mount point,
/// which docs/rest-hooks.md describes. Handle; copies share one manager, and the state of the bus
/// and the sender, which it may outlive. `close`, or the end of the last handle (a mounted one
/// lives as long as its server), ends the subscriptions, but not what the sender still owes them.
/// Safe from any thread.
///
/// Managers on one table have the same subscriptions, each for its own bus: what one changes the
/// others follow (`store::table::watch`).
///
/// A target is asked first whether it wants what a subscription would bring it (`proof_options`);
/// until it agrees the subscription is `pending`, and nothing is delivered. Each manager asks by
/// the sender's deadlines, and through its guard.
class manager {
 public:
    /// @throws std::invalid_argument for a bus or sender that was moved from, and for proof options
    /// that are none: a network, an origin or a URL that is malformed, nothing that is taken; for a
    /// `max_rate` that is negative or no number; for an event type whose name is no pattern or is
    /// there twice, whose description is no UTF-8, whose schema is no JSON Schema or whose example
    /// is no JSON, is over `max_body_bytes` or nested deeper than `max_json_depth`; for event types
    /// that are over `max_event_type_bytes`, and for `known_types_only` without one
    TIDINGS_DECL manager(bus& b, webhook::sender& s, manager_options options = {});
    /// Authenticates before the body is read; see `http::service`.
    TIDINGS_DECL void admit(http::exchange& x);
    TIDINGS_DECL void handle(http::exchange& x);
    TIDINGS_DECL std::size_t max_body_bytes() const noexcept;
    /// Ends the subscriptions here; their rows stay in the table. From any thread.
    TIDINGS_DECL void close() noexcept;

 private:
    friend class portal;
    friend class websub_hub;
    std::shared_ptr<tidings::detail::closing_slot<detail::manager_state>> slot_;
};

}  // namespace tidings::rest_hook
