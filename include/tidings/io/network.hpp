// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/stream.hpp>
#include <tidings/io/tls.hpp>

#include <boost/asio/ip/address.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tidings::io {

/// An address and a port.
struct socket_address {
    net::ip::address address{};
    std::uint16_t port = 0;
    friend bool operator==(const socket_address&, const socket_address&) = default;
};

struct listen_options {
    std::string address = "127.0.0.1";  ///< a literal address
    std::uint16_t port = 0;             ///< 0: the system picks
    std::string unix_path{};            ///< listens on this path instead; removed at close
    std::optional<tls_server_options> tls{};
    int backlog = 4096;
};

/// Of making a connection, in order.
enum class connect_phase { resolve, connect, handshake };

struct connect_options {
    std::string host{};  ///< a name or a literal address
    std::uint16_t port = 0;
    std::string unix_path{};  ///< connects to this path instead
    /// What the host was resolved to. Not empty: the host is not resolved again.
    std::vector<net::ip::address> addresses{};
    std::optional<tls_client_options> tls{};
    /// Asked for every address, right before connecting to it; only survivors are tried.
    std::function<bool(const net::ip::address&)> address_filter{};
    /// Notified as each phase begins; of `connect` for each address that is tried, of `handshake`
    /// for that of the connection. On the executor of the operation, which it must not cancel.
    std::function<void(connect_phase, const socket_address&)> on_phase{};
};

using stream_callback = tidings::unique_function<void(error_code, stream_ptr)>;
using resolve_callback = tidings::unique_function<void(error_code, std::vector<socket_address>)>;

/// A listening socket; confined to its executor.
class acceptor {
 public:
    virtual ~acceptor() = default;
    /// Takes one connection, which lives on `executor`; its handshake is not made yet. The callback
    /// runs on the acceptor's executor, never inside. @error what the system reports
    /// (too_many_files).
    virtual void start_accept(net::any_io_executor executor, stream_callback done) = 0;
    virtual void close() noexcept = 0;
    /// `127.0.0.1` and the port really bound; port 0 for a Unix socket.
    virtual socket_address local_endpoint() const = 0;
};

/// Stops an operation that has not completed; its callback is dropped. May be null or called late.
/// From any thread; called elsewhere than on the operation's executor, the callback may be running.
using canceller = tidings::unique_function<void()>;

/// The seam for making connections. Safe from any thread.
class network {
 public:
    virtual ~network() = default;

    /// Binds and listens. @error what the system reports, errc::tls_failed for bad certificates
    virtual std::unique_ptr<acceptor> listen(net::any_io_executor executor,
                                             const listen_options& options, error_code& ec) = 0;

    /// Resolves, filters, connects to the first address that answers, and makes the TLS handshake.
    /// No deadline of its own: the caller cancels. The callback runs on `executor`, never inside.
    /// @error errc::name_not_resolved, errc::address_refused, errc::connection_failed or the
    /// system's error, errc::tls_failed
    virtual canceller start_connect(net::any_io_executor executor, connect_options options,
                                    stream_callback done) = 0;

    /// Resolves a name on the bounded pool of resolver threads.
    virtual canceller start_resolve(net::any_io_executor executor, std::string host,
                                    std::uint16_t port, resolve_callback done) = 0;

    /// The same for a peer that has not answered lately: such names have half of the threads
    /// together, so that resolutions that hang take nothing from others. A network without a bound
    /// on resolutions makes no difference.
    virtual canceller start_resolve_unproven(net::any_io_executor executor, std::string host,
                                             std::uint16_t port, resolve_callback done) {
        return start_resolve(std::move(executor), std::move(host), port, std::move(done));
    }
};

/// The machine's network.
TIDINGS_DECL network& system_network() noexcept;

}  // namespace tidings::io
