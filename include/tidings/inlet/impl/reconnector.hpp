// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/connection_state.hpp>
#include <tidings/errc.hpp>
#include <tidings/http/message.hpp>
#include <tidings/inlet/impl/backoff.hpp>
#include <tidings/io/clock.hpp>

namespace tidings::detail {

/// What has happened to a client that comes back.
struct reconnect_event {
    enum class kind {
        start,    ///< it begins, or begins anew
        due,      ///< the wait is over
        opened,   ///< the stream stands
        lost,     ///< a failure after which the same may succeed
        refused,  ///< a failure that would only repeat itself
        stop,     ///< its user ends it
    };
    kind what = kind::start;
    error_code why{};
    std::chrono::milliseconds asked{};  ///< of a loss: the wait the peer asked for (`Retry-After`)
};

/// What is to be done about it.
struct reconnect_action {
    enum class kind { nothing, connect, wait, stop };
    kind what = kind::nothing;
    std::chrono::milliseconds after{};  ///< of a wait
    error_code why{};                   ///< of a wait and of a stop

    friend bool operator==(const reconnect_action&, const reconnect_action&) = default;
};

/// When a client connects, waits and gives up: the state machine under the WebSocket, SSE and REST
/// clients, without I/O.
///
///     stopped -start-> connecting -opened-> open
///     connecting, open -lost-> waiting -due-> connecting
///     any -refused, stop-> stopped
///
/// Any other event is late and changes nothing, but that a stop is always answered by one.
class reconnector {
 public:
    /// A stream that has lasted so long begins anew; one that broke sooner does not, so that a
    /// server which takes connections and drops them is not stormed.
    static constexpr std::chrono::seconds lasting{10};

    explicit reconnector(reconnect_options o) : enabled_(o.enabled), backoff_(o) {}

    TIDINGS_DECL reconnect_action resume(const reconnect_event& e, io::steady_time now,
                                         std::uint64_t random) noexcept;
    /// The server's `retry:`.
    void set_least(std::chrono::milliseconds t) noexcept { backoff_.set_least(t); }
    connection_state state() const noexcept { return state_; }

 private:
    reconnect_action connect() noexcept;
    reconnect_action stop(error_code why) noexcept;
    reconnect_action lose(const reconnect_event& e, io::steady_time now,
                          std::uint64_t random) noexcept;

    bool enabled_;
    backoff backoff_;
    connection_state state_ = connection_state::stopped;
    io::steady_time opened_{};
};

/// Whether a request that was answered so may succeed later: 408, 429 and 5xx.
TIDINGS_DECL bool is_temporary(unsigned status) noexcept;
/// Whether an exchange without an answer may succeed later: not if its request cannot be sent, or
/// if the server would only repeat what it answered.
TIDINGS_DECL bool is_temporary(error_code ec) noexcept;
/// How long an answer asks to wait (`Retry-After`, RFC 9110 10.2.3); 0 where it does not, or where
/// it says so twice.
TIDINGS_DECL std::chrono::milliseconds asked_wait(const http::response& answer,
                                                  const io::clock& clock);

/// A failure without an answer.
TIDINGS_DECL reconnect_event failed(error_code why) noexcept;
/// An answer that is not the one hoped for; `again`: whether the same may succeed later.
TIDINGS_DECL reconnect_event answered(const http::response& answer, error_code why, bool again,
                                      const io::clock& clock);

}  // namespace tidings::detail
