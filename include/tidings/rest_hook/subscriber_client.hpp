// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/detail/initiation.hpp>
#include <tidings/errc.hpp>
#include <tidings/http/exchange.hpp>
#include <tidings/io/environment.hpp>
#include <tidings/io/tls.hpp>
#include <tidings/log.hpp>
#include <tidings/reconnect.hpp>
#include <tidings/rest_hook/subscriber_status.hpp>
#include <tidings/store/table.hpp>
#include <tidings/subscriber.hpp>
#include <tidings/webhook/receiver.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/execution_context.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace tidings::rest_hook {

/// What becomes of the subscription when its client is stopped.
enum class stop_action : std::uint8_t {
    unsubscribe,  ///< it ends, and its row is erased
    keep,         ///< it stands, and goes on when a client of the same name is started
};

struct subscriber_client_options {
    std::string api_url{};  ///< of a REST hook: where its API is, `https://host/hooks`
    std::string event{};    ///< of a REST hook: the topic pattern
    /// Of W3C WebSub, in the place of both: the URL of the topic. Its hub, and the URL that the hub
    /// knows it by, are found by the `Link` fields of a GET there (section 4); links inside
    /// documents are not read. They are looked for again where the hub answers 403, 404 or 410, and
    /// where it fails once the lease is over.
    std::string topic_url{};
    std::string hub_url{};  ///< of `topic_url`, which is not asked for its hub then
    /// Where the client is mounted, as the server reaches it: `https://example.com/in`. Deliveries
    /// come to a path below it that is made at random.
    std::string public_url{};
    /// What deliveries are signed with: `whsec_...` of a REST hook, fewer than 200 bytes of WebSub.
    /// Empty: one is made. Where a row has the subscription already, that one's counts.
    std::string secret{};
    std::chrono::seconds lease{0};  ///< that is asked for; 0: the server's default
    /// It is renewed when so much of the lease is left, or up to half as much more, which is drawn
    /// at random. More than 0, at most 0.5.
    double renew_before = 0.25;
    stop_action at_stop = stop_action::unsubscribe;  ///< what `async_stop` does
    /// Where the subscription is kept: what it takes to go on behind a restart, its secret among
    /// it. Several clients may share one, each by its name, in one process at a time; a manager
    /// has a table of its own. Empty: in memory.
    std::shared_ptr<store::table> table{};
    std::string name = "default";  ///< of the row: `subscriber_client/<name>`; 1 to 200 bytes
    /// Sent as `Authorization: Bearer`, with `fields`, to the origins of the URLs above, and not to
    /// where a discovery or a redirect leads.
    std::string token{};
    http::fields fields{};  ///< further request fields
    /// How deliveries are received. `verifier`, `allow_unsigned`, `challenge` and `intent` are the
    /// client's. An empty `reader` is `read_standard`, of WebSub with the type `websub.content` and
    /// the topic's URL as the source. Empty `webhook_origins`, of a REST hook: any, at the path.
    webhook::receiver_options receiver{};
    /// How long it waits between attempts, of requests and of the table; `enabled` of false: what
    /// fails is not tried again, but for the table.
    reconnect_options reconnect{};
    /// How long a hub has for its verification. Then it is asked again.
    std::chrono::milliseconds verification_timeout{300'000};
    std::chrono::milliseconds stop_timeout{10'000};  ///< of `async_stop` and `async_unsubscribe`
    /// How long the table has for one operation. Then it counts as failed, and is tried again; what
    /// it answers late does no harm.
    std::chrono::milliseconds table_timeout{10'000};
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds request_timeout{30'000};
    std::size_t max_response_bytes = 1024 * 1024;  ///< of an answer's body
    io::tls_client_options tls{};
    std::string unix_path{};
    /// Called with each change, in the client's lane; it may stop or destroy the client.
    std::function<void(const subscriber_status&)> on_state{};
    log_sink log{};
    io::environment environment{};
};

namespace detail {
class subscriber_state;
using stop_handler = tidings::completion_handler<error_code>;
}  // namespace detail

/// A subscription at somebody else's REST hook API or W3C WebSub hub, and the place where its
/// deliveries arrive: it subscribes, agrees to the proof that the server asks for, gives what comes
/// to a `subscriber`, renews the lease before its end, and unsubscribes when it is stopped. Mounted
/// at `public_url`, and started.
///
/// Its path, secret, id and end stand in a row of the table, which is written before the server is
/// asked: a client that is started again goes on with them, and subscribes anew only where the
/// lease has ended or the server has the subscription no more. Until the row is read deliveries are
/// answered 503 with Retry-After. A row that cannot be read, or is about something else, is
/// `failed`, and stays as it is.
///
/// A question for a proof is agreed to only at the client's own path, which nobody else can know,
/// and only for what it has asked for. A delivery whose signature does not fit is answered 401 (W3C
/// WebSub 8 leaves that open): an honest server repeats it, and nothing is lost in silence.
///
/// Handle; copies share one client. `close`, or the end of the last handle (a mounted one lives as
/// long as its server), ends it at once: the subscription and its row stay, and deliveries are
/// answered 503. Safe from any thread.
class subscriber_client {
 public:
    /// @throws std::invalid_argument without a subscriber; for URLs that are no http or https URLs
    /// of at most 2,048 bytes, an `api_url` or `public_url` with a query, neither or both kinds of
    /// server, an `event` that is no pattern, a `secret` that is not of its kind's form, a `name`
    /// or `renew_before` that is none, a lease that is negative, and as `webhook::receiver`
    TIDINGS_DECL subscriber_client(net::any_io_executor executor, any_subscriber sink,
                                   subscriber_client_options options);
    template <class Context>
    requires std::convertible_to<Context&, net::execution_context&> subscriber_client(
        Context& context, any_subscriber sink, subscriber_client_options options)
        : subscriber_client(net::any_io_executor(context.get_executor()), std::move(sink),
                            std::move(options)) {}

    using executor_type = net::any_io_executor;
    TIDINGS_DECL executor_type get_executor() const noexcept;

    /// Begins, or begins anew where it was stopped, denied or has failed; else nothing. While it
    /// waits it is outstanding work.
    TIDINGS_DECL void start();
    TIDINGS_DECL subscriber_status status() const;

    /// Stops as `at_stop` has it, and completes with `void(error_code)`: once the server has
    /// confirmed the end and the row is erased, or once the row is written. Requests below the
    /// mount point are answered 410 then, or, where the subscription stands, 503. Of WebSub the
    /// server must still be reachable, for the verification. A stop that failed can be repeated.
    /// Per-operation cancellation: none.
    /// @error errc::timed_out: not within `stop_timeout`; the subscription, or its row, may stand;
    /// errc::closed; errc::store_conflict (another client has changed the row),
    /// errc::out_of_memory; of an end: errc::store_failed (the row was not read yet), and as the
    /// server refused it, or to show its list where an answer was lost: errc::unauthorized,
    /// errc::forbidden, errc::not_found, errc::http_status, errc::invalid_argument,
    /// errc::invalid_json
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_stop(Token&& token = Token{}) {
        return initiate_stop(std::nullopt, std::forward<Token>(token));
    }
    /// The same, and the subscription ends whatever `at_stop` is.
    /// @error errc::not_found: it was not started, or has ended, and as `async_stop`
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_unsubscribe(Token&& token = Token{}) {
        return initiate_stop(stop_action::unsubscribe, std::forward<Token>(token));
    }

    /// See `http::service`.
    TIDINGS_DECL void admit(http::exchange& x);
    TIDINGS_DECL void handle(http::exchange& x);
    TIDINGS_DECL std::size_t max_body_bytes() const noexcept;
    /// From any thread. Operations under way complete with errc::closed.
    TIDINGS_DECL void close() noexcept;

 private:
    template <class Token>
    auto initiate_stop(std::optional<stop_action> how, Token&& token) {
        return tidings::detail::initiate<void(error_code)>(
            get_executor(), std::forward<Token>(token),
            [state = state_, how](net::any_io_executor io, auto handler) {
                start_stop(state, how, detail::stop_handler(io, std::move(handler)));
            });
    }
    TIDINGS_DECL static void start_stop(const std::shared_ptr<detail::subscriber_state>& s,
                                        std::optional<stop_action> how, detail::stop_handler h);
    std::shared_ptr<detail::subscriber_state> state_;
};

}  // namespace tidings::rest_hook
