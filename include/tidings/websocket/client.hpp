// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/after_gap.hpp>
#include <tidings/completion_handler.hpp>
#include <tidings/connection_state.hpp>
#include <tidings/delivery_window.hpp>
#include <tidings/detail/initiation.hpp>
#include <tidings/diagnostics.hpp>
#include <tidings/drain.hpp>
#include <tidings/http/message.hpp>
#include <tidings/io/environment.hpp>
#include <tidings/io/tls.hpp>
#include <tidings/log.hpp>
#include <tidings/reconnect.hpp>
#include <tidings/topic_rule.hpp>
#include <tidings/websocket/session.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/execution_context.hpp>

#include <optional>
#include <vector>

namespace tidings::websocket {

struct client_options {
    std::string url{};                  ///< `ws://host[:port]/path[?query]` or `wss://`
    std::vector<std::string> topics{};  ///< patterns, added to the query as `topic`
    std::optional<position> after{};    ///< where to resume at first; later the client knows itself
    bool resume = true;                 ///< whether to resume after a reconnect
    std::string token{};                ///< sent as `Authorization: Bearer`
    http::fields fields{};              ///< further request fields
    /// Before every connection, with the fields of the request, token included: it may change them,
    /// to bring a token that is fresh.
    std::function<void(http::fields&)> on_request{};
    std::shared_ptr<const websocket::codec> codec{};  ///< empty: `cloudevents.json`
    /// Subprotocols to offer instead of the codec's.
    std::vector<std::string> subprotocols{};
    topic_rule topic{};

    /// Of one incoming message. A larger one, up to 1 GiB, is discarded as it comes: the sink gets
    /// a `tidings.skipped` with its size. Beyond that the connection is closed with 1009.
    std::size_t max_message_bytes = 16 * 1024 * 1024;
    /// What the server takes of one message, as its `service_options::max_message_bytes`: a larger
    /// one would end the connection. An event that is larger on the wire is dropped and logged. 0:
    /// any size.
    std::size_t max_sent_bytes = 64 * 1024;
    queue_limits limits{};     ///< of what waits to be sent; `max_bytes` is what counts here
    delivery_window window{};  ///< of events that the sink has not accepted yet
    reconnect_options reconnect{};
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds ping_interval{25'000};  ///< of silence, then a ping; 0: never
    std::chrono::milliseconds pong_timeout{8'000};
    std::chrono::milliseconds close_timeout{5'000};
    std::chrono::milliseconds write_timeout{30'000};

    io::tls_client_options tls{};
    std::string unix_path{};
    websocket::hooks hooks{};
    /// An answer that is no handshake, with what has come of its body, and whether the client would
    /// try again. What it returns decides that. Empty: as the client would.
    std::function<bool(const http::response&, bool again)> on_refused{};
    /// The state, with the error that led to it and a text that names its object, and holds what
    /// the server said without its control characters; in the client's lane.
    std::function<void(connection_state, error_code, const diagnostics&)> on_state{};
    log_sink log{};
    io::environment environment{};
    /// What the server sends behind a gap; none: as its service does by itself.
    std::optional<tidings::after_gap> after_gap{};
};

namespace detail {
class client_state;
using run_handler = tidings::completion_handler<error_code>;
}  // namespace detail

/// A WebSocket client, inlet and outlet in one: the events that come are delivered to the
/// subscriber it was given; events delivered to it are sent. Reconnects with backoff and resumes
/// after the last position. Handle on shared state: move-only, safe from any thread. Destroying it
/// stops it, and no hook is called any more; from another thread than the client's one call may be
/// running still. After its end the client holds neither the callbacks nor the sink. A client that
/// was moved from does nothing, its getters give defaults and its outlet is closed.
///
/// Ended for good by the server: a close code of 1000, 1002, 1003, 1007, 1008, 1010 or 4500 to 4999
/// (also our own, when the server breaks the protocol, and then 1009, too); unless `on_refused` has
/// it otherwise, a handshake that is wrong, or an answer below 500 that is neither 101, 408 nor 429
/// (errc::ws_refused). Everything else is retried, `Retry-After` heeded.
class client {
 public:
    using executor_type = net::any_io_executor;
    /// The client's lane, where its callbacks run.
    TIDINGS_DECL executor_type get_executor() const noexcept;

    /// Starts nothing: `async_run` or `start` does. @throws std::invalid_argument for a URL that is
    /// not one or has a fragment (RFC 6455 3), and for a topic that is no pattern; its text names
    /// them.
    TIDINGS_DECL client(net::any_io_executor executor, client_options options, any_subscriber sink);
    template <class Context>
    requires std::convertible_to<Context&, net::execution_context&> client(Context& context,
                                                                           client_options options,
                                                                           any_subscriber sink)
        : client(net::any_io_executor(context.get_executor()), std::move(options),
                 std::move(sink)) {}
    /// For the hooks alone: raw messages, no events.
    TIDINGS_DECL client(net::any_io_executor executor, client_options options);
    template <class Context>
    requires std::convertible_to<Context&, net::execution_context&> client(Context& context,
                                                                           client_options options)
        : client(net::any_io_executor(context.get_executor()), std::move(options)) {}
    client(client&&) = default;
    TIDINGS_DECL client& operator=(client&& o) noexcept;
    TIDINGS_DECL ~client();

    /// Runs the client and completes with `void(error_code)`: why it ended for good, once the sink
    /// has answered for what had come by then. A client runs once; what keeps it alive meanwhile is
    /// its handle. Per-operation cancellation: terminal,
    /// which stops the client at once.
    /// @error errc::closed (`stop`, or the handle was destroyed, or it had ended before),
    /// errc::already_running, boost::asio::error::operation_aborted (cancelled), what the class's
    /// comment lists as final
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_run(Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code)>(
            get_executor(), std::forward<Token>(token),
            [state = state_](net::any_io_executor io, auto handler) {
                start_run(state, detail::run_handler(io, std::move(handler)));
            });
    }
    /// The same detached: `on_state` says what happens. Does nothing where the client runs already
    /// or has ended.
    TIDINGS_DECL void start();
    /// Leaves what it is doing and begins anew at once, from where it was, with the first backoff.
    /// Starts a client that does not run; does nothing at one that has ended.
    TIDINGS_DECL void restart();
    /// Closes with 1000 and does not reconnect; `on_state` reports `stopped` when that is done.
    /// Called in the client's lane, as in its callbacks, only that and `on_close` follow it.
    TIDINGS_DECL void stop() noexcept;
    /// Stops: sends what waits, closes with 1000, and completes with `void(error_code)` when the
    /// connection has ended. Events that come meanwhile are not handed on. Per-operation
    /// cancellation: none; `close_timeout` and `write_timeout` bound it.
    /// @error what has ended the connection otherwise
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_drain(Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code)>(
            get_executor(), std::forward<Token>(token),
            [state = state_](net::any_io_executor io, auto handler) {
                start_drain(state, detail::run_handler(io, std::move(handler)));
            });
    }
    TIDINGS_DECL std::shared_ptr<drainable> drain_state() const noexcept;
    /// The checkpoint: the position of the last event of which it and everything before it was
    /// accepted by the sink and by what stores it behind a bus (a history that is durable,
    /// webhooks), or was refused for good, which `counters` say; no heartbeat overtakes it. A
    /// program stores it and gives it to the next process's `client_options::after`: nothing is
    /// missed, and what was not accepted yet comes again. Within the process the client resumes
    /// behind what it has received, so nothing comes twice. What waits in a queue of the process (a
    /// callback's, a receiver's) counts as accepted: such a consumer stores the `remote_position`
    /// of what it has handled. Empty: nothing was accepted yet, or `resume` is false.
    TIDINGS_DECL position last_position() const;
    TIDINGS_DECL delivery_counters counters() const noexcept;
    /// What `publication_info::inlet` names in this client's events.
    TIDINGS_DECL origin_id id() const noexcept;
    TIDINGS_DECL connection_state state() const noexcept;
    /// The connection now, or null.
    TIDINGS_DECL session_ptr connection() const;
    /// The client as an outlet: events delivered while it is connected are sent, others are
    /// dropped; once stopped it is closed.
    TIDINGS_DECL std::shared_ptr<subscriber> as_subscriber() noexcept;

 private:
    TIDINGS_DECL static void start_drain(const std::shared_ptr<detail::client_state>& state,
                                         detail::run_handler h);
    TIDINGS_DECL static void start_run(const std::shared_ptr<detail::client_state>& state,
                                       detail::run_handler h);
    std::shared_ptr<detail::client_state> state_;
};

}  // namespace tidings::websocket
