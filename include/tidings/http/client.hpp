// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/detail/initiation.hpp>
#include <tidings/diagnostics.hpp>
#include <tidings/http/message.hpp>
#include <tidings/io/environment.hpp>
#include <tidings/io/network.hpp>

#include <boost/asio/deferred.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace tidings::detail {
class lane;
}

namespace tidings::http {

class client;

/// Deadlines of parts of an exchange, beside those of the whole. 0: none of its own.
struct phase_timeouts {
    std::chrono::milliseconds resolve{0};
    std::chrono::milliseconds connect{0};  ///< of TCP, to whichever address answers
    std::chrono::milliseconds tls{0};
    /// From the beginning of the request on, of which the rest is written meanwhile.
    std::chrono::milliseconds first_byte{0};
};

struct client_options {
    io::tls_client_options tls{};
    std::string unix_path{};  ///< connects here whatever the URL's host is
    std::function<bool(const net::ip::address&)> address_filter{};
    std::chrono::milliseconds connect_timeout{10'000};  ///< resolution and TLS included
    std::chrono::milliseconds request_timeout{30'000};  ///< the whole exchange, body included
    phase_timeouts phases{};
    /// How long an idle connection is kept, and `run()` with it; 0: none is.
    std::chrono::milliseconds keep_alive{30'000};
    /// A connection ends between requests when it is 80 to 100 % of this old, so that its name is
    /// looked up again. 0: never.
    std::chrono::milliseconds max_connection_age{300'000};
    /// How long the addresses of a name are used again, unless connecting to all of them failed.
    /// 0: it is resolved for each connection. The filter is asked at each use, and what it is asked
    /// for is connected to.
    std::chrono::milliseconds keep_addresses{0};
    std::size_t max_idle_per_origin = 16;
    std::size_t max_connections_per_origin = 64;  ///< further requests wait their turn
    /// Of all origins: where a new connection would be one more, the one that is idle for longest
    /// ends. More than these are open only where all are in use. 0: idle ones are not counted.
    std::size_t max_connections = 0;
    std::size_t max_response_bytes = 1024 * 1024;  ///< of a body; not of one that is streamed
    std::size_t max_header_bytes = 16 * 1024;
    std::string user_agent = "tidings/0.1";
    io::environment environment{};
};

namespace detail {
class client_state;
class client_streams;
struct request_terms;
using response_handler = tidings::completion_handler<error_code, response>;
/// A client inside an object that has a lane: everything happens there, and an operation that is
/// begun there, with a handler that is bound to it, posts nothing.
TIDINGS_DECL client client_in_lane(std::shared_ptr<tidings::detail::lane> lane,
                                   client_options options);
/// `client::async_request` on terms of its own. `r.body` is not read: the terms have a body.
TIDINGS_DECL void start_request(const client& c, const std::string& url, const request& r,
                                const request_terms& terms, response_handler h);
}  // namespace detail

/// An HTTP/1.1 client with a pool of keep-alive connections per origin. Handle on shared state,
/// move-only; destroying it ends what is under way with errc::closed. Safe from any thread.
/// Redirects are not followed.
class client {
 public:
    TIDINGS_DECL explicit client(net::any_io_executor executor, client_options options = {});
    template <class Context>
    requires std::convertible_to<Context&, net::execution_context&>
    explicit client(Context& context, client_options options = {})
        : client(net::any_io_executor(context.get_executor()), std::move(options)) {}
    client(client&&) = default;
    TIDINGS_DECL client& operator=(client&& o) noexcept;
    TIDINGS_DECL ~client();

    using executor_type = net::any_io_executor;
    TIDINGS_DECL executor_type get_executor() const noexcept;

    /// Sends a request to an absolute URL and completes with the whole answer, whatever its status:
    /// `void(error_code, response)`. `r.target` is not read; Host, Content-Length, User-Agent,
    /// Connection, and `Accept-Encoding: identity` unless it is given, are set here. A request on a
    /// connection that the server had meanwhile closed is repeated once on a new one, if nothing of
    /// an answer had come and it is idempotent: by its method (RFC 9110 9.2.2) or by
    /// `request::idempotent`.
    /// @error errc::bad_url, errc::name_not_resolved, errc::address_refused, errc::tls_failed, what
    /// the system reports (connection refused or reset), errc::connection_failed (an answer ended
    /// too early), errc::timed_out, errc::too_large, errc::unsupported_encoding, errc::bad_request,
    /// errc::header_too_large, errc::ambiguous_framing, errc::repeated_field or
    /// errc::unsupported_http_version (the answer is not HTTP/1.1 as it should be), errc::closed.
    /// The response has the status then if its line was read, and the fields if they were, but no
    /// body; else its status is 0.
    /// Per-operation cancellation: terminal, which closes the connection.
    template <net::completion_token_for<void(error_code, response)> Token = net::deferred_t>
    [[nodiscard]] auto async_request(std::string url, request r, Token&& token = Token{}) {
        return initiate(std::move(url), std::move(r), nullptr, token);
    }
    /// The same; before it completes with an error, `detail` gets a line that names host and port,
    /// or the Unix socket, and the cause: `127.0.0.1:9: Connection refused`. Empty for an error
    /// before anything was connected to. It outlives the operation.
    template <net::completion_token_for<void(error_code, response)> Token = net::deferred_t>
    [[nodiscard]] auto async_request(std::string url, request r, diagnostics& detail,
                                     Token&& token = Token{}) {
        return initiate(std::move(url), std::move(r), &detail, token);
    }

 private:
    friend class detail::client_streams;
    friend client detail::client_in_lane(std::shared_ptr<tidings::detail::lane>, client_options);
    friend void detail::start_request(const client&, const std::string&, const request&,
                                      const detail::request_terms&, detail::response_handler);
    TIDINGS_DECL explicit client(std::shared_ptr<detail::client_state> s);
    template <class Token>
    auto initiate(std::string url, request r, diagnostics* text, Token& token) {
        return tidings::detail::initiate<void(error_code, response)>(
            get_executor(), std::forward<Token>(token),
            [state = state_, text](net::any_io_executor io, auto handler, std::string u,
                                   request q) {
                start_request(state, std::move(u), std::move(q), text,
                              detail::response_handler(io, std::move(handler)));
            },
            std::move(url), std::move(r));
    }
    TIDINGS_DECL static void start_request(const std::shared_ptr<detail::client_state>& s,
                                           std::string url, request r, diagnostics* detail,
                                           detail::response_handler h);
    std::shared_ptr<detail::client_state> state_;
};

}  // namespace tidings::http
