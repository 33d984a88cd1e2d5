// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/digest.hpp>
#include <tidings/rest_hook/manager.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace tidings::rest_hook {

struct websub_hub_options {
    /// The hub, as subscribers reach it: `https://example.com/hub`. It stands in each delivery, as
    /// `Link: <...>; rel="hub"`. Never empty.
    std::string public_url{};
    /// Topic URLs are this, `https://example.com/topics/`, and a topic of the bus, percent-encoded.
    std::string topic_prefix{};
    /// In its place: the topic, or pattern, of the bus for a topic URL; an empty text: there is no
    /// such topic here. It must not block. One of the two is given.
    std::function<std::string(const std::string& topic_url)> pattern_of{};

    tidings::authenticator authenticator{};  ///< empty: loopback peers only
    /// Asked for action::subscribe on the pattern; where it refuses, the callback is notified
    /// (W3C WebSub 5.2). Asked for action::publish where something is to be published. Empty:
    /// loopback peers may do all, others nothing.
    tidings::authorizer authorizer{};
    /// Publishes what is at a topic URL: a publisher has asked for that (`hub.mode=publish`). In
    /// the request's lane, before it is answered; it must not block. What it throws is logged, and
    /// answered 500. Empty: such requests are answered 501.
    std::function<void(const std::string& topic_url)> on_publish{};

    digest signature = digest::sha256;  ///< of deliveries to subscribers that gave a secret
    /// How long a subscription lasts, from its verification: where the subscriber does not say, and
    /// within which bounds it may. At most 136 years.
    std::chrono::seconds default_lease = std::chrono::hours(24 * 10);
    std::chrono::seconds min_lease = std::chrono::minutes(1);
    std::chrono::seconds max_lease = std::chrono::hours(24 * 30);
    /// A request that its callback has not confirmed by then is forgotten.
    std::chrono::seconds verify_within = std::chrono::hours(1);

    /// As those of the manager.
    std::chrono::milliseconds auth_timeout{5'000};
    std::size_t max_pending_auth = 128;
};

namespace detail {
class websub_hub_state;
}

/// A hub of W3C WebSub over a manager: subscribers name a callback and a topic URL by a form, the
/// callback confirms that, and what is published on the bus is posted to it as it is, until the
/// lease ends. docs/rest-hooks.md describes it. Mounted at `public_url`.
///
/// Its subscriptions are the manager's: they stand in its table, count for its quotas, are shown by
/// its API (to operators, and to an owner that has a name), and go on where another manager has the
/// table. Callbacks are asked by the manager's questions, their bounds and the sender's guard.
///
/// Handle; copies share one hub, and keep the manager. Safe from any thread.
class websub_hub {
 public:
    /// @throws std::invalid_argument for a manager that was moved from or is closed, a `public_url`
    /// or `topic_prefix` that is no http or https URL, neither or both ways to find a topic, and
    /// times that are not positive or contradict each other
    TIDINGS_DECL websub_hub(manager& m, websub_hub_options options);
    /// Authenticates before the body is read; see `http::service`.
    TIDINGS_DECL void admit(http::exchange& x);
    TIDINGS_DECL void handle(http::exchange& x);
    TIDINGS_DECL std::size_t max_body_bytes() const noexcept;
    /// Takes no more requests; the subscriptions stay. From any thread.
    TIDINGS_DECL void close() noexcept;

 private:
    manager manager_;
    std::shared_ptr<tidings::detail::closing_slot<detail::websub_hub_state>> slot_;
};

}  // namespace tidings::rest_hook
