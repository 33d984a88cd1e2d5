// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/after_gap.hpp>
#include <tidings/codec/sse_parser.hpp>
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
#include <tidings/subscriber.hpp>
#include <tidings/topic_rule.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/execution_context.hpp>

#include <functional>
#include <optional>
#include <vector>

namespace tidings::sse {

struct client_options {
    std::string url{};                  ///< `http://` or `https://`
    std::vector<std::string> topics{};  ///< patterns, added to the query as `topic`
    /// Where to resume at first. One that cannot be asked for (see `client`) counts as none.
    std::string last_event_id{};
    std::string token{};  ///< sent as `Authorization: Bearer`
    std::string method = "GET";
    std::string body{};
    http::fields fields{};  ///< further request fields
    /// Before every connection, with the fields of the request, token included: it may change them,
    /// to bring a token that is fresh.
    std::function<void(http::fields&)> on_request{};
    topic_rule topic{};
    /// Shared with the outlets that lead to the same peer, so that nothing goes back to it; from
    /// `make_origin()`. 0: its own.
    origin_id origin = 0;

    /// An event over these is skipped, announced to the sink as `tidings.skipped`.
    sse_parser_options limits{};
    reconnect_options reconnect{.enabled = true, .initial = std::chrono::milliseconds(2'000)};
    std::chrono::milliseconds connect_timeout{10'000};
    /// No byte for so long: the connection is taken for dead and made anew. 0: never.
    std::chrono::milliseconds idle_timeout{60'000};
    std::size_t max_redirects = 10;
    delivery_window window{};  ///< of events that the sink has not accepted yet

    io::tls_client_options tls{};
    std::string unix_path{};
    /// An answer that is no event stream, without its body, and whether the client would try again.
    /// What it returns decides that. Empty: as the client would.
    std::function<bool(const http::response&, bool again)> on_refused{};
    /// Every dispatched message, before it is read as an event. True: it was dealt with here.
    std::function<bool(const sse_message&)> on_message{};
    std::function<void(const std::string& text)> on_comment{};
    std::function<void(std::chrono::milliseconds)> on_retry{};
    /// The state, with the error that led to it and a text that names its object; one lost
    /// connection is one report.
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

/// A Server-Sent Events client (WHATWG HTML 9.2) as an inlet: events are delivered to the
/// subscriber it was given. Messages that are CloudEvents JSON become those events; others become
/// events of type `sse.<event name>` with the data as text. Reconnects with backoff, with
/// `Last-Event-ID`, and never sooner than `retry:` asks; follows 301, 302, 303, 307 and 308, each
/// time anew from its own URL; to another host goes a plain GET without `token`, `fields` and
/// `body`, and `on_request` is not asked. Handle on shared state: move-only, safe from any thread.
/// Destroying it stops it, and no callback is called any more; from another thread than the
/// client's one call may be running still. After its end the client holds neither the callbacks
/// nor the sink. A client that was moved from does nothing, and its getters give defaults.
///
/// An id of more than 4 KiB, or with a control character other than a tab, cannot be asked for:
/// servers refuse such a field (RFC 9110 5.4, 5.5). It is no position. The client resumes behind
/// the last event before it that has one, so that what came since comes again; without one it
/// begins anew, as at a server that sends no ids.
///
/// Ends for good, unless `on_refused` has it otherwise: 204 (errc::sse_stopped), another media type
/// (errc::sse_bad_content_type), a compressed stream (errc::unsupported_encoding), any other answer
/// below 500 but 408 and 429 (errc::http_status). 408, 429 and 5xx are retried, `Retry-After`
/// heeded. Always final: errc::too_many_redirects (also one without Location), errc::bad_url (a
/// redirect from https to http, say), errc::sse_line_too_long (an event over
/// `limits.max_skipped_bytes`).
class client {
 public:
    using executor_type = net::any_io_executor;
    /// The client's lane, where its callbacks run.
    TIDINGS_DECL executor_type get_executor() const noexcept;

    /// Starts nothing: `async_run` or `start` does. @throws std::invalid_argument for a URL that is
    /// not one or has a fragment, and for a topic that is no pattern; its text names them.
    TIDINGS_DECL client(net::any_io_executor executor, client_options options, any_subscriber sink);
    template <class Context>
    requires std::convertible_to<Context&, net::execution_context&> client(Context& context,
                                                                           client_options options,
                                                                           any_subscriber sink)
        : client(net::any_io_executor(context.get_executor()), std::move(options),
                 std::move(sink)) {}
    /// For the callbacks alone.
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
    /// Closes and does not reconnect. Called in the client's lane, as in its callbacks, no event
    /// and no callback but `on_state` follows it.
    TIDINGS_DECL void stop() noexcept;
    /// Stops, and completes with `void(error_code)` when that is done. For a program's end:
    /// `drain_on_signal` takes a client, too. Per-operation cancellation: none.
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_drain(Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code)>(
            get_executor(), std::forward<Token>(token),
            [state = state_](net::any_io_executor io, auto handler) {
                start_drain(state, detail::run_handler(io, std::move(handler)));
            });
    }
    TIDINGS_DECL std::shared_ptr<drainable> drain_state() const noexcept;
    /// The checkpoint: the id of the last event of which it and everything before it was accepted
    /// by the sink and by what stores it behind a bus (a history that is durable, webhooks), or was
    /// refused for good, which `counters` say. A program stores it and gives it to the next
    /// process's `client_options::last_event_id`: nothing is missed, and what was not accepted yet
    /// comes again. Within the process the client resumes behind what it has received, so nothing
    /// comes twice. What waits in a queue of the process (a callback's, a receiver's) counts as
    /// accepted: such a consumer stores the `remote_position` of what it has handled.
    TIDINGS_DECL std::string last_event_id() const;
    /// The same as a position; empty where the id is none.
    TIDINGS_DECL position last_position() const;
    TIDINGS_DECL delivery_counters counters() const noexcept;
    /// What `publication_info::inlet` names in this client's events.
    TIDINGS_DECL origin_id id() const noexcept;
    TIDINGS_DECL connection_state state() const noexcept;

 private:
    TIDINGS_DECL static void start_drain(const std::shared_ptr<detail::client_state>& state,
                                         detail::run_handler h);
    TIDINGS_DECL static void start_run(const std::shared_ptr<detail::client_state>& state,
                                       detail::run_handler h);
    std::shared_ptr<detail::client_state> state_;
};

}  // namespace tidings::sse
