// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/authorizer.hpp>
#include <tidings/http/exchange.hpp>
#include <tidings/log.hpp>
#include <tidings/outlet/stream_request.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::http {

/// Which callers a service of streams serves, and from which origins.
struct stream_policy {
    tidings::authenticator authenticator{};  ///< empty: `loopback_only()`
    tidings::authorizer authorizer{};        ///< empty: every caller may subscribe
    /// Empty: the Origin must be the Host. Else only these, as browsers write them.
    std::vector<std::string> allowed_origins{};
    std::size_t max_patterns = 128;
    /// How long an asynchronous authenticator or authorizer may take to answer, from when it is
    /// wanted, also where the question waits for its turn.
    std::chrono::milliseconds auth_timeout{5'000};
    /// Questions to them without an answer; a request that would be one more is answered 503. A
    /// principal, or, where none is known, an address other than a loopback one, has no more of
    /// them than it leaves free: alone at most half. What WebSocket clients publish waits, eight
    /// times as many at most, shared in the same way.
    std::size_t max_pending_auth = 128;
    log_sink log{};  ///< also of what the authenticator and the authorizer throw
};

/// The access to a service: its policy, and the questions about it that have no answer yet.
/// A handle, whose copies share them. Safe from any thread; each exchange in its lane.
class access {
 public:
    using admitted = unique_function<void(exchange&)>;
    using opened = unique_function<void(exchange&, stream_request)>;

    TIDINGS_DECL explicit access(stream_policy policy = {});

    /// A service's `admit`: answers OPTIONS (204, with the CORS fields of a preflight), a foreign
    /// Origin (403) and a caller that is not authenticated (401, 403, 421, 503); gives every answer
    /// its CORS fields; remembers the caller in the exchange. Where the authenticator is
    /// asynchronous the exchange moves away meanwhile.
    /// `methods`: those that the service takes, for Allow: "GET, HEAD, OPTIONS"; a literal.
    /// @return whether the caller is authenticated already
    TIDINGS_DECL bool admit(exchange& x, std::string_view methods) const;
    /// The beginning of a service's `handle`: does what `admit` has not done, then calls `f`; at
    /// once where nothing has to be waited for. The exchange has moved away, or is answered, where
    /// `f` was not called when this returns; so it is for what follows.
    TIDINGS_DECL void handle(exchange& x, std::string_view methods, admitted f) const;
    /// The whole of it for a stream of events: as `handle`, then `read`.
    TIDINGS_DECL void open(exchange& x, std::string_view methods, opened f) const;
    /// After `handle`: reads the request for a stream, asks the authorizer for each pattern, and
    /// calls `f`. Else it answers 400 (no topic, a bad pattern or position, a malformed query, a
    /// parameter spelled wrongly), 403 (a pattern that is not granted), 503 (no answer).
    /// `patterns`: those that the request named elsewhere, as in its path.
    TIDINGS_DECL void read(exchange& x, std::vector<std::string> patterns, opened f) const;
    /// The same for a stream without topics: caller and query alone.
    TIDINGS_DECL void read_raw(exchange& x, opened f) const;
    /// Refuses what waits for an answer, with 503: the service drains.
    TIDINGS_DECL void refuse_pending() const;

    /// What was allowed before this is to be asked again before it begins: see
    /// `sessions::async_recheck`.
    TIDINGS_DECL void begin_recheck() const noexcept;

    /// Of the library's own transports.
    detail::access_state& state() const noexcept { return *state_; }

 private:
    bool begin(exchange& x, std::string_view methods, admitted f) const;
    bool knows(const exchange& x) const;
    void ask_later(exchange& x, admitted f) const;
    void note_license(const exchange& x, stream_request& asked) const;

    std::shared_ptr<detail::access_state> state_;
};

/// The answer of a service that is draining: 503, to be asked again in a second.
TIDINGS_DECL response going_away();

}  // namespace tidings::http
