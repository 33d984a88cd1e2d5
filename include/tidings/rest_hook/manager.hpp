// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/authorizer.hpp>
#include <tidings/bus.hpp>
#include <tidings/http/exchange.hpp>
#include <tidings/store/table.hpp>
#include <tidings/webhook/sender.hpp>

#include <chrono>

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
    /// Empty: the Origin must be the Host. Else only these, as browsers write them.
    std::vector<std::string> allowed_origins{};

    /// How long an asynchronous authenticator or authorizer may take to answer; then, and beyond so
    /// many questions without an answer, 503. See `http::stream_policy`.
    std::chrono::milliseconds auth_timeout{5'000};
    std::size_t max_pending_auth = 128;

    std::size_t max_hooks = 10'000;
    std::size_t max_hooks_per_principal = 1'000;
    std::size_t max_page = 1'000;  ///< subscriptions of one answer
    std::size_t max_body_bytes = 16 * 1024;
    /// How long a request waits for the table. Then it is answered 503, and a subscription that is
    /// written all the same is erased.
    std::chrono::milliseconds table_timeout{10'000};
    webhook::body_form form = webhook::body_form::binary;
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

/// REST hooks (resthooks.org): others subscribe their webhooks to topics by an HTTP API below its
/// mount point. Handle; copies share one manager, and the state of the bus and the sender, which it
/// may outlive. `close`, or the end of the last handle (a mounted one lives as long as its server),
/// ends the subscriptions, but not what the sender still owes them.
///
/// `POST /` with `{"event":"orders.>","target_url":"https://..."}` subscribes: `topic` may stand
/// for `event`, `target` or `url` for `target_url`. A `"secret":"whsec_..."` may be given; else one
/// is made, and shown this once. `"active":true` may be there; other members are refused with their
/// names. It answers 201, `Location` and
/// `{"id","event","target_url","active","created_at"}` (with the `secret` made). `GET /` lists them
/// by age, `?limit=` and `?after=<id>`, with `Link: <...>; rel="next"`; `GET /<id>` shows one and
/// `DELETE /<id>` ends it; one slash at the end of a path is ignored. A principal sees only its
/// own.
///
/// A subscription ends when the authorizer's permission for its pattern does
/// (`permission::expires`, shown as `expires_at`): its row is erased, and nothing more is
/// delivered, also after a restart. It does not end with the credential that made it
/// (`principal::expires`), nor by a recheck: an authorizer that wants this says so by its
/// permission.
///
/// Deliveries are those of a webhook endpoint: signed, retried, with `X-Hook-Subscription: <id>`. A
/// target that answers 410 ends its subscription.
///
/// No proof of intent is asked for yet: a principal that may manage can have events sent to any
/// target that the sender's guard lets pass, whether that wants them or not. Where such principals
/// are not trusted, the authorizer or the guard (`allowed_networks`, schemes, ports) has to say no.
///
/// Refusals are application/problem+json: 400 (malformed), 401, 403, 404, 405, 409 (there is such a
/// subscription), 413, 415, 422 (pattern, target, secret or member not taken), 429 (a limit), 503.
class manager {
 public:
    /// @throws std::invalid_argument for a bus or sender that was moved from
    TIDINGS_DECL manager(bus& b, webhook::sender& s, manager_options options = {});
    /// Authenticates before the body is read; see `http::service`.
    TIDINGS_DECL void admit(http::exchange& x);
    TIDINGS_DECL void handle(http::exchange& x);
    TIDINGS_DECL std::size_t max_body_bytes() const noexcept;
    /// Ends the subscriptions here; their rows stay in the table. From any thread.
    TIDINGS_DECL void close() noexcept;

 private:
    std::shared_ptr<tidings::detail::closing_slot<detail::manager_state>> slot_;
};

}  // namespace tidings::rest_hook
