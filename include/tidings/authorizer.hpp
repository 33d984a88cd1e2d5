// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/decision.hpp>
#include <tidings/detail/asking.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidings {

/// The maker of a request.
struct principal {
    std::string name{};  ///< empty: anonymous
    bool anonymous = true;
    std::vector<std::string> grants{};  ///< free for the user's authorizer to read
    /// When its credential ends, by the wall clock of the server's environment: from then on the
    /// credential is refused, and what is open ends. Empty: never.
    std::optional<std::chrono::system_clock::time_point> expires{};
};

enum class action { subscribe, publish, manage };

/// What an authorizer answers; made from a bool.
struct permission {
    permission() = default;
    permission(bool yes) : granted(yes) {}
    permission(bool yes, std::chrono::system_clock::time_point until)
        : granted(yes),
          expires(until) {}
    explicit operator bool() const noexcept { return granted; }

    bool granted = false;
    /// As `principal::expires`: a stream ends at the first of them, and its client asks again.
    std::optional<std::chrono::system_clock::time_point> expires{};
};

/// What of a request an authenticator may look at.
struct credentials {
    std::string_view authorization{};  ///< the Authorization field's value
    std::string_view cookie{};
    std::string_view query{};
    std::string_view origin{};
    std::string_view remote_address{};
    /// A request of this machine to itself: the peer's address is a loopback address, and the Host
    /// `localhost` or one, so that it is no web site's whose name was rebound to this machine; or
    /// it came over a Unix socket. No proxy forwarded it: it is not HTTP/1.0, and has neither
    /// `Forwarded`, `X-Forwarded-*`, `X-Real-IP` nor `Via`.
    bool loopback = false;
};

/// The same, for an authenticator that looks at it after its call.
struct owned_credentials {
    owned_credentials() = default;
    TIDINGS_DECL explicit owned_credentials(const credentials& c);
    TIDINGS_DECL credentials view() const noexcept;

    std::string authorization{};
    std::string cookie{};
    std::string query{};
    std::string origin{};
    std::string remote_address{};
    bool loopback = false;
};

/// Identifies the maker of a request. Made from one of
///
/// - `principal(const credentials&, error_code&)`: a plain function. It must not block.
/// - `void(owned_credentials, decision_handler<principal>)`: it answers by the handler, later if it
///   likes.
/// - `net::awaitable<principal>(owned_credentials)`: a coroutine, spawned in the connection's lane.
///   A `system_error` that it throws is its error.
///
/// An error is answered 401. One that is `condition::retryable`, as errc::undecided is, or of
/// another category than this library's, says that there is no answer: 503 with Retry-After. So
/// does a handler that was dropped, one that was not called within the service's `auth_timeout`,
/// and one more than `max_pending_auth` unanswered questions. Called from any thread, also for
/// several requests at once, and again by `async_recheck`.
class authenticator {
 public:
    using plain = std::function<principal(const credentials&, error_code&)>;
    using asynchronous = std::function<void(owned_credentials, decision_handler<principal>)>;

    authenticator() = default;
    template <class F>
    requires(!std::is_same_v<F, authenticator> &&
             detail::asks_at_once<F, principal, const credentials&, error_code&>) authenticator(F f)
        : plain_(std::move(f)) {}
    template <class F>
    requires(!std::is_same_v<F, authenticator> &&
             !detail::asks_at_once<F, principal, const credentials&, error_code&> &&
             detail::asks_later<F, principal, owned_credentials>) authenticator(F f)
        : later_(detail::asking_later<principal, owned_credentials>(std::move(f))) {}

    explicit operator bool() const noexcept { return plain_ || later_; }
    bool is_asynchronous() const noexcept { return static_cast<bool>(later_); }
    /// Asks a plain function. @error its own; errc::undecided for an asynchronous one
    TIDINGS_DECL principal operator()(const credentials& c, error_code& ec) const;
    /// Asks any.
    TIDINGS_DECL void ask(owned_credentials c, decision_handler<principal> done) const;

 private:
    plain plain_;
    asynchronous later_;
};

/// Decides whether a principal may do something on a topic (publish), a pattern (subscribe) or a
/// collection (manage, with an empty topic). It is asked once for each pattern when a stream or a
/// question begins, resumes or is rechecked, and what the pattern matches is then sent, live and
/// from the history alike; and once for each event that is published. Made from one of
///
/// - `permission(const principal&, action, std::string_view topic)`, or such that gives a bool: a
///   plain function. It must not block or throw.
/// - `void(principal, action, std::string topic, decision_handler<permission>)`
/// - `net::awaitable<permission>(principal, action, std::string topic)`, or of bool.
///
/// A service without one grants every topic and pattern but those that begin with the token
/// `tidings`, where the library publishes what operators are to see.
///
/// A permission that is not granted is answered 403, no answer 503, as for an `authenticator`. What
/// a WebSocket client publishes is refused in band instead, and events behind it wait meanwhile.
class authorizer {
 public:
    using plain = std::function<permission(const principal&, action, std::string_view)>;
    using asynchronous =
        std::function<void(principal, action, std::string, decision_handler<permission>)>;

    authorizer() = default;
    template <class F>
    requires(!std::is_same_v<F, authorizer> &&
             detail::asks_at_once<F, permission, const principal&, action, std::string_view>)
        authorizer(F f)
        : plain_(std::move(f)) {}
    template <class F>
    requires(!std::is_same_v<F, authorizer> &&
             !detail::asks_at_once<F, permission, const principal&, action, std::string_view> &&
             detail::asks_later<F, permission, principal, action, std::string>) authorizer(F f)
        : later_(detail::asking_later<permission, principal, action, std::string>(std::move(f))) {}

    explicit operator bool() const noexcept { return plain_ || later_; }
    bool is_asynchronous() const noexcept { return static_cast<bool>(later_); }
    /// Asks a plain function; an asynchronous one grants nothing here.
    TIDINGS_DECL permission operator()(const principal& who, action what,
                                       std::string_view topic) const;
    /// Asks any.
    TIDINGS_DECL void ask(principal who, action what, std::string topic,
                          decision_handler<permission> done) const;

 private:
    plain plain_;
    asynchronous later_;
};

/// Bearer token `Authorization: Bearer <token>` (RFC 6750 2.1), compared in constant time.
/// @throws std::invalid_argument for an empty token.
TIDINGS_DECL authenticator bearer_token(std::string token, std::string name = "token");

/// Everybody, as the anonymous principal: the written-out leave to serve strangers.
TIDINGS_DECL authenticator allow_anonymous();

/// The default without an authenticator: anonymous loopback peers, nobody else.
/// @error errc::address_not_loopback
TIDINGS_DECL authenticator loopback_only();

/// The default authorizer: every authenticated principal may subscribe, to patterns that begin with
/// the token `tidings` only with the grant "manage"; only a principal with the grant "publish" may
/// publish, with "manage" manage.
TIDINGS_DECL authorizer subscribe_only();

/// To each principal its own topics: `pattern` with `{}` as a whole token, once or more, in the
/// place of the principal's name as `topic_token` writes it: `users.{}.>`. A principal may
/// subscribe to patterns that this covers; publish to its topics only with the grant "publish",
/// manage only with the grant "manage". A principal without a name may do nothing.
/// @throws std::invalid_argument for a pattern that is none, or has no `{}`.
TIDINGS_DECL authorizer per_principal(std::string pattern);

/// Everything is allowed to every authenticated principal.
TIDINGS_DECL authorizer allow_all();

}  // namespace tidings
