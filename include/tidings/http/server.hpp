// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/completion_handler.hpp>
#include <tidings/detail/initiation.hpp>
#include <tidings/drain.hpp>
#include <tidings/http/exchange.hpp>
#include <tidings/io/network.hpp>
#include <tidings/io/tls.hpp>
#include <tidings/log.hpp>
#include <tidings/metrics.hpp>

#include <boost/asio/deferred.hpp>

#include <chrono>
#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tidings::http {

struct server_options {
    std::string address = "127.0.0.1";  ///< a literal address
    std::uint16_t port = 0;             ///< 0: the system picks; see `local_endpoint`
    std::string unix_path{};            ///< a Unix socket instead
    std::optional<io::tls_server_options> tls{};
    std::size_t lanes = 1;              ///< strands, for as many threads in run()
    bool assume_single_thread = false;  ///< no strand; the context is run by one thread only

    std::size_t max_header_bytes = 8 * 1024;
    std::size_t max_body_bytes = 1024 * 1024;  ///< a service may allow more or less for itself
    std::size_t max_connections = 16 * 1024;   ///< beyond: 503, or closed for TLS; not 0
    /// Beyond: 429. IPv6 addresses count by their first 64 bits; Unix sockets never count, loopback
    /// addresses, which may be a proxy's, only if `count_loopback` is set.
    std::size_t max_connections_per_address = 256;
    bool count_loopback = false;
    /// Bytes held of request bodies, of WebSocket messages that have not all arrived, and of the
    /// events of a `rest::service`'s answers, over all connections; beyond: 503, close code 1013,
    /// an answer of fewer events. Callers whose header does not authenticate them share a quarter
    /// of it, an address holds at most half of that; a body that is larger than all its caller may
    /// ever hold: 413.
    std::size_t max_buffered_bytes = 256 * 1024 * 1024;
    /// A server that listens on a loopback address answers 421 to a Host that is neither
    /// `localhost` nor a loopback address nor here, unless the service's `admit` has set a caller
    /// or called `accept_any_host`: it may be a web site's, rebound to this machine. "*": any Host.
    std::vector<std::string> allowed_hosts{};
    std::chrono::milliseconds header_timeout{10'000};  ///< from the first byte to the blank line
    std::chrono::milliseconds body_timeout{30'000};    ///< from there to its end
    std::chrono::milliseconds write_timeout{30'000};   ///< for a whole answer
    std::chrono::milliseconds idle_timeout{60'000};    ///< between requests
    std::chrono::milliseconds drain_timeout{30'000};   ///< then what is left is cut
    /// `probes`: the last to drain, and it accepts until then: a server whose pages say how the
    /// drain of the others goes.
    tidings::drain_role drain_role = tidings::drain_role::streams;

    log_sink log{};
    std::shared_ptr<metrics_sink> metrics{};
    io::environment environment{};
};

namespace detail {

/// A service behind a mount point.
class mounted {
 public:
    virtual ~mounted() = default;
    /// Whether it looks at the header before the body is read.
    virtual bool admits() const noexcept = 0;
    virtual void admit(exchange& x) = 0;
    virtual void handle(exchange& x) = 0;
    /// The largest body this service takes; 0: the server's.
    virtual std::size_t max_body_bytes() const = 0;
    /// Begins to end its streams.
    virtual void drain() = 0;
    /// Ends its streams at once.
    virtual void close() = 0;
};

template <class Service>
class mounted_service final : public mounted {
 public:
    explicit mounted_service(Service s) : service_(std::move(s)) {}
    static constexpr bool has_admit = requires(Service & s, exchange& x) { s.admit(x); };
    bool admits() const noexcept override { return has_admit; }
    void admit(exchange& x) override {
        if constexpr (has_admit) service_.admit(x);
    }
    void handle(exchange& x) override { service_.handle(x); }
    std::size_t max_body_bytes() const override {
        if constexpr (requires { service_.max_body_bytes(); }) return service_.max_body_bytes();
        return 0;
    }
    void drain() override {
        if constexpr (requires { service_.drain(); }) service_.drain();
    }
    void close() override {
        if constexpr (requires { service_.close(); }) service_.close();
    }

 private:
    Service service_;
};

class server_state;

}  // namespace detail

/// A service answers requests below its mount point. `handle` is called in the connection's lane;
/// it may be called by several lanes at once. Optional:
/// - `void admit(exchange&)`, called before when only the header has come: what it answers is
///   refused without its body, and the caller it sets authenticated. Bodies of requests without one
///   count as those of strangers (`max_buffered_bytes`): a service that authenticates by the body
///   has no `admit`, or one that sets no caller.
/// - `std::size_t max_body_bytes()`.
/// - `void drain()`, called once on any thread, to begin to end the streams it took.
/// - `void close()`, called on any thread when the server has stopped or drained, to end them at
///   once. Copies of a handle share one service, so it ends for them, too.
/// The service is destroyed thereafter. What any of them throws is logged; a request that it was
/// about, and that has no answer yet, is answered 500.
template <class S>
concept service = requires(S& s, exchange& x) {
    s.handle(x);
};

/// An HTTP/1.1 server on the user's context. Handle on shared state: move-only, closes when
/// destroyed. `mount` before `start`; `stop` is safe from any thread.
class server {
 public:
    /// Binds and listens. @throws std::invalid_argument for options that cannot be, here and below;
    /// boost::system::system_error, whose text names the address and
    /// port, the path, or the certificate's file
    TIDINGS_DECL explicit server(net::any_io_executor executor, server_options options = {});
    /// @error what the system reports, errc::tls_failed; the log names the object. Every other call
    /// does nothing then.
    TIDINGS_DECL server(net::any_io_executor executor, server_options options, error_code& ec);
    template <class Context>
    requires std::convertible_to<Context&, net::execution_context&>
    explicit server(Context& context, server_options options = {})
        : server(net::any_io_executor(context.get_executor()), std::move(options)) {}
    template <class Context>
    requires std::convertible_to<Context&, net::execution_context&> server(Context& context,
                                                                           server_options options,
                                                                           error_code& ec)
        : server(net::any_io_executor(context.get_executor()), std::move(options), ec) {}
    template <class Context, class Options>
    requires(!std::convertible_to<Options, server_options>) server(Context&&, Options&&) {
        static_assert(tidings::detail::never<Options>,
                      "the options of a server are tidings::http::server_options");
    }
    server(server&&) = default;
    TIDINGS_DECL server& operator=(server&& o) noexcept;
    TIDINGS_DECL ~server();

    using executor_type = net::any_io_executor;
    TIDINGS_DECL executor_type get_executor() const noexcept;

    /// Hands requests whose path is `prefix` or begins with `prefix` + "/" to the service, which is
    /// copied unless it is moved; the longest prefix wins. @throws std::invalid_argument for a
    /// prefix that does not begin with "/", std::logic_error for a prefix that is mounted already,
    /// and after `start`.
    template <class Service>
    requires(!std::invocable<std::remove_cvref_t<Service>&, exchange&>) void mount(
        std::string_view prefix, Service&& s) {
        using mounted = std::remove_cvref_t<Service>;
        if constexpr (!http::service<mounted>)
            static_assert(tidings::detail::never<Service>,
                          "a service has `void handle(http::exchange&)`");
        else
            mount_erased(prefix, std::make_shared<detail::mounted_service<mounted>>(
                                     std::forward<Service>(s)));
    }
    /// A plain function as a service.
    TIDINGS_DECL void mount(std::string_view prefix, std::function<void(exchange&)> f);

    /// Accepts from now on.
    TIDINGS_DECL void start();
    /// Closes the listener and every connection at once.
    TIDINGS_DECL void stop() noexcept;

    /// Stops accepting, lets requests under way finish and streams end, and completes with
    /// `void(error_code)`; errc::timed_out when the drain timeout had to cut something,
    /// errc::closed when `stop` did. Never inline. Per-operation cancellation: none; `stop` cuts it
    /// short.
    template <net::completion_token_for<void(error_code)> Token = net::deferred_t>
    [[nodiscard]] auto async_drain(Token&& token = Token{}) {
        return tidings::detail::initiate<void(error_code)>(
            get_executor(), std::forward<Token>(token),
            [state = state_](net::any_io_executor io, auto handler) {
                start_drain(state, tidings::completion_handler<error_code>(io, std::move(handler)));
            });
    }

    TIDINGS_DECL io::socket_address local_endpoint() const;
    /// Sends now what waits for its connections: what was published, sent or answered before. A
    /// turn of the context otherwise gathers for up to four laps of its handlers, or 200 us, so
    /// that a burst leaves in one write per connection; a loop that has finished its frame need not
    /// wait.
    ///
    /// Inside the call with `assume_single_thread`, where the calling thread is the one that runs
    /// the context and has run it (`poll`), or inside a handler of the connection's lane; else the
    /// next handlers that the context runs send it, without waiting for more. What comes meanwhile
    /// waits for the turn after. From any thread.
    TIDINGS_DECL void flush() noexcept;

    /// Open connections, taken ones included.
    TIDINGS_DECL std::size_t connections() const noexcept;
    /// Whether a drain has begun or the server has ended: what a readiness probe wants to know.
    /// From any thread.
    TIDINGS_DECL bool draining() const noexcept;
    TIDINGS_DECL std::shared_ptr<drainable> drain_state() const;

 private:
    TIDINGS_DECL void mount_erased(std::string_view prefix, std::shared_ptr<detail::mounted> m);
    TIDINGS_DECL static void start_drain(const std::shared_ptr<detail::server_state>& s,
                                         tidings::completion_handler<error_code> handler);
    std::shared_ptr<detail::server_state> state_;
};

}  // namespace tidings::http
