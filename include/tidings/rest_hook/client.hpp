// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/detail/initiation.hpp>
#include <tidings/errc.hpp>
#include <tidings/http/message.hpp>
#include <tidings/io/environment.hpp>
#include <tidings/io/tls.hpp>
#include <tidings/log.hpp>

#include <boost/asio/deferred.hpp>
#include <boost/asio/execution_context.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace tidings::rest_hook {

struct client_options {
    std::string api_url{};     ///< where the manager is mounted: `https://host/hooks`
    std::string event{};       ///< the topic pattern to subscribe to
    std::string target_url{};  ///< where deliveries go: the public URL of a `webhook::receiver`
    /// What deliveries are signed with, known to the receiver beforehand (`webhook::make_secret`).
    /// Empty: the manager makes one.
    std::string secret{};
    std::string token{};    ///< sent as `Authorization: Bearer`
    http::fields fields{};  ///< further request fields
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds request_timeout{30'000};
    io::tls_client_options tls{};
    std::string unix_path{};
    log_sink log{};  ///< why a request was refused
    io::environment environment{};
};

/// A subscription that stands at the manager.
struct registration {
    std::string id{};      ///< what `X-Hook-Subscription` says in each delivery
    std::string secret{};  ///< the one given, or the one made
};

namespace detail {
class client_state;
using subscribe_handler = tidings::completion_handler<error_code, registration>;
using unsubscribe_handler = tidings::completion_handler<error_code>;
}  // namespace detail

/// Subscribes a webhook receiver at a `rest_hook::manager`, here or elsewhere. Handle on shared
/// state: move-only, safe from any thread. Destroying it ends what is under way with errc::closed;
/// the subscription stays.
class client {
 public:
    /// @throws std::invalid_argument for an `api_url` that is not an http or https URL.
    TIDINGS_DECL client(net::any_io_executor executor, client_options options);
    template <class Context>
    requires std::convertible_to<Context&, net::execution_context&> client(Context& context,
                                                                           client_options options)
        : client(net::any_io_executor(context.get_executor()), std::move(options)) {}
    client(client&&) = default;
    client& operator=(client&&) = default;

    using executor_type = net::any_io_executor;
    TIDINGS_DECL executor_type get_executor() const noexcept;

    /// Completes with `void(error_code, registration)`. Where the manager asks for a proof of
    /// intent the subscription is pending then, until the receiver agrees (`intent`). Per-operation
    /// cancellation: none.
    /// @error errc::hook_bad_event or errc::hook_bad_target (422), errc::store_conflict (409: it is
    /// subscribed already), errc::unauthorized, errc::forbidden, errc::too_many (429),
    /// errc::invalid_argument (400), errc::shutting_down (503), errc::http_status,
    /// errc::invalid_json, and as `http::client`
    template <net::completion_token_for<void(error_code, registration)> Token = net::deferred_t>
    [[nodiscard]] auto async_subscribe(Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code, registration)>(
            get_executor(), std::forward<Token>(token),
            [state = state_](net::any_io_executor io, auto handler) {
                start_subscribe(state, detail::subscribe_handler(io, std::move(handler)));
            });
    }

    /// Ends the subscription made last, and completes with `void(error_code)`.
    /// Per-operation cancellation: none.
    /// @error errc::not_found (none was made, or it has ended), and as `async_subscribe`
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_unsubscribe(Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code)>(
            get_executor(), std::forward<Token>(token),
            [state = state_](net::any_io_executor io, auto handler) {
                start_unsubscribe(state, detail::unsubscribe_handler(io, std::move(handler)));
            });
    }

    /// The id of the subscription made last; empty before, and after it ended.
    TIDINGS_DECL std::string id() const;
    /// Agrees to the questions for this subscription, by its id, and to no others; for
    /// `webhook::receiver_options::intent` of the receiver at `target_url`. A question that comes
    /// before the answer to the subscription is not agreed to, and is asked again. It may outlive
    /// the client, and agrees to nothing then. Safe from any thread.
    TIDINGS_DECL std::function<bool(const http::request&)> intent() const;

 private:
    TIDINGS_DECL static void start_subscribe(const std::shared_ptr<detail::client_state>& s,
                                             detail::subscribe_handler h);
    TIDINGS_DECL static void start_unsubscribe(const std::shared_ptr<detail::client_state>& s,
                                               detail::unsubscribe_handler h);
    std::shared_ptr<detail::client_state> state_;
};

}  // namespace tidings::rest_hook
