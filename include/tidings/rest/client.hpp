// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/after_gap.hpp>
#include <tidings/completion_handler.hpp>
#include <tidings/delivery_window.hpp>
#include <tidings/detail/initiation.hpp>
#include <tidings/diagnostics.hpp>
#include <tidings/drain.hpp>
#include <tidings/http/message.hpp>
#include <tidings/io/environment.hpp>
#include <tidings/io/tls.hpp>
#include <tidings/log.hpp>
#include <tidings/overflow.hpp>
#include <tidings/reconnect.hpp>
#include <tidings/subscriber.hpp>
#include <tidings/topic_rule.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/execution_context.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tidings::rest {

struct client_options {
    std::string url{};      ///< where the topics are: `http://host/topics`
    std::string token{};    ///< sent as `Authorization: Bearer`
    http::fields fields{};  ///< further request fields

    // Of reading.
    std::vector<std::string> topics{};  ///< patterns
    /// Where to begin: after this position, an empty one for all that is held. None: from now on.
    std::optional<position> after{};
    topic_rule topic{};
    std::chrono::seconds wait{30};  ///< how long the server holds a request that finds nothing
    /// Events of one answer. One with more is not taken: errc::too_many, and it is asked again.
    std::size_t max_batch = 100;
    /// Of one answer: what is larger is asked for in smaller batches; an event that alone is larger
    /// is skipped, announced to the sink as `tidings.skipped`.
    std::size_t max_response_bytes = 16 * 1024 * 1024;
    delivery_window window{};  ///< of events that the sink has not accepted yet
    /// Why a request of the reading failed, whether that has ended it, and a text that names its
    /// object. In the client's lane.
    std::function<void(error_code, bool ended, const diagnostics&)> on_error{};

    // Of the outlet.
    queue_limits limits{};  ///< of what waits to be sent
    tidings::overflow overflow = tidings::overflow::drop_oldest;

    reconnect_options reconnect{};  ///< waits before a request that failed is made again
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds request_timeout{30'000};  ///< `wait` comes on top of it
    io::tls_client_options tls{};
    std::string unix_path{};
    log_sink log{};
    io::environment environment{};
    /// What the server sends behind a gap; none: as its service does by itself.
    std::optional<tidings::after_gap> after_gap{};
};

/// Each number by itself is exact.
struct client_counters {
    std::uint64_t received = 0;  ///< events read
    std::uint64_t sent = 0;      ///< events of the outlet that the server has taken
    std::uint64_t dropped = 0;   ///< that did not fit into the queue
    std::uint64_t failed = 0;    ///< that the server refused for good
    std::uint64_t accepted = 0;  ///< of those read: by the sink and by whatever stores them there
    std::uint64_t refused = 0;   ///< of those read: by the sink for good, and passed
    std::uint64_t retried = 0;   ///< refusals after which an event was handed over again
};

namespace detail {
class client_state;
using run_handler = tidings::completion_handler<error_code>;
using publish_handler = tidings::completion_handler<error_code, receipt>;
}  // namespace detail

/// The other side of `rest::service`. Publishes; takes events as a subscriber (an outlet); and,
/// given topics and a subscriber, reads as an inlet, by long polling. Handle on shared state:
/// move-only, stops when destroyed; safe from any thread. After the end of the reading the client
/// holds neither `on_error` nor the sink. A client that was moved from completes operations with
/// errc::closed, its getters give defaults and its outlet is closed.
///
/// Reading keeps its position, so nothing is lost or doubled while the server's history holds it;
/// what is gone is announced by a `tidings.gap` event. What came out of this client's outlet is not
/// read back.
///
/// Reading ends for good, and the outlet gives an event up, with an answer of 300 to 499 but 408,
/// 409 and 429; anything else is tried again, `Retry-After` heeded. What cannot be read of a batch
/// is logged and passed over. A sink that answers `closed` ends the reading, too.
class client {
 public:
    using executor_type = net::any_io_executor;
    /// The client's lane, where its callbacks run.
    TIDINGS_DECL executor_type get_executor() const noexcept;

    /// Publishes only. @throws std::invalid_argument for a URL that is not one, or has
    /// a query or a fragment, and for a topic that is no pattern; its text names them.
    TIDINGS_DECL client(net::any_io_executor executor, client_options options);
    /// Reads, too, once it runs.
    TIDINGS_DECL client(net::any_io_executor executor, client_options options, any_subscriber sink);
    template <class Context>
    requires std::convertible_to<Context&, net::execution_context&> client(Context& context,
                                                                           client_options options)
        : client(net::any_io_executor(context.get_executor()), std::move(options)) {}
    template <class Context>
    requires std::convertible_to<Context&, net::execution_context&> client(Context& context,
                                                                           client_options options,
                                                                           any_subscriber sink)
        : client(net::any_io_executor(context.get_executor()), std::move(options),
                 std::move(sink)) {}
    client(client&&) = default;
    TIDINGS_DECL client& operator=(client&& o) noexcept;
    TIDINGS_DECL ~client();

    /// Runs the client and completes with `void(error_code)`: why it ended for good, once the sink
    /// has answered for what had come by then. A client runs once; what keeps it alive meanwhile is
    /// its handle. Per-operation cancellation: terminal,
    /// which stops the client at once.
    /// @error errc::closed (`stop`, or the handle was destroyed, or it had ended before),
    /// errc::already_running, boost::asio::error::operation_aborted (cancelled), what has ended the
    /// reading
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_run(Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code)>(
            get_executor(), std::forward<Token>(token),
            [state = state_](net::any_io_executor io, auto handler) {
                start_run(state, detail::run_handler(io, std::move(handler)));
            });
    }
    /// The same detached: `on_error` says what happens. Does nothing where the client runs already
    /// or has ended.
    TIDINGS_DECL void start();
    /// Leaves what it is doing and begins anew at once, from where it was, with the first backoff.
    /// Starts a client that does not run; does nothing at one that has ended.
    TIDINGS_DECL void restart();
    /// Publishes once, and completes with `void(error_code, receipt)`: the server's receipt. Of an
    /// event that the server has already, it counts nobody. Per-operation cancellation: none.
    /// @error errc::bad_topic, errc::reserved_topic, what `event::check` reports,
    /// errc::event_reserved_type, errc::unauthorized, errc::forbidden, errc::too_large,
    /// errc::rate_limited, errc::invalid_argument (400, 415), errc::shutting_down (503),
    /// errc::http_status, and as `http::client`
    template <net::completion_token_for<void(error_code, receipt)> Token = net::deferred_t>
    [[nodiscard]] auto async_publish(std::string_view topic, event e, Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code, receipt)>(
            get_executor(), std::forward<Token>(token),
            [state = state_](net::any_io_executor io, auto handler, std::string t,
                             event published) {
                start_publish(state, std::move(t), std::move(published),
                              detail::publish_handler(io, std::move(handler)));
            },
            std::string(topic), std::move(e));
    }

    /// Takes events and publishes them, each under its own topic, one after another in order. One
    /// that fails for a while is tried again before the next; as long as it lasts the others wait
    /// in the queue.
    TIDINGS_DECL std::shared_ptr<subscriber> as_subscriber() noexcept;

    /// Reads and sends nothing more; called in the client's lane, as in its callbacks, no event
    /// follows it.
    TIDINGS_DECL void stop() noexcept;
    /// Stops once the outlet's queue is empty and publications under way have completed; reading
    /// ends at once, and events are taken no more. Completes with `void(error_code)`. Per-operation
    /// cancellation: none.
    /// @error errc::timed_out: `request_timeout` passed, and what still waited is lost;
    /// errc::closed: `stop` cut it short, or the handle was destroyed or moved from
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_drain(Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code)>(
            get_executor(), std::forward<Token>(token),
            [state = state_](net::any_io_executor io, auto handler) {
                start_drain(state, detail::run_handler(io, std::move(handler)));
            });
    }
    TIDINGS_DECL std::shared_ptr<drainable> drain_state() const noexcept;
    /// The checkpoint: the position up to which everything that was read was accepted by the sink
    /// and by what stores it behind a bus (a history that is durable, webhooks), or was refused for
    /// good, which `counters` say. A program stores it and gives it to the next process's
    /// `client_options::after`: nothing is missed, and what was not accepted yet comes again.
    /// Within the process the client goes on behind what it has received, so nothing comes twice.
    /// What waits in a queue of the process (a callback's, a receiver's) counts as accepted: such a
    /// consumer stores the `remote_position` of what it has handled. None before the first answer.
    TIDINGS_DECL std::optional<position> last_position() const;
    /// What `publication_info::inlet` names in this client's events.
    TIDINGS_DECL origin_id id() const noexcept;
    TIDINGS_DECL client_counters counters() const noexcept;

 private:
    TIDINGS_DECL static void start_drain(const std::shared_ptr<detail::client_state>& state,
                                         detail::run_handler h);
    TIDINGS_DECL static void start_run(const std::shared_ptr<detail::client_state>& state,
                                       detail::run_handler h);
    TIDINGS_DECL static void start_publish(const std::shared_ptr<detail::client_state>& state,
                                           std::string topic, event e, detail::publish_handler h);
    std::shared_ptr<detail::client_state> state_;
};

}  // namespace tidings::rest
