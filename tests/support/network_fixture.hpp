// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/catch2.hpp"
#include "support/sim_network.hpp"
#include "support/test_certificates.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidings::test {

/// A network and a way to be connected by it.
enum class transport {
    tcp,
    unix_socket,
    tls,
    sim,
    sim_tls,
    sim_byte,  ///< one byte per read and write
};

inline const std::vector<transport> every_transport {
    transport::tcp, transport::unix_socket,
#if TIDINGS_TLS
        transport::tls,
#endif
        transport::sim, transport::sim_tls, transport::sim_byte
};

const char* name_of(transport t) noexcept;
inline std::ostream& operator<<(std::ostream& out, transport t) {
    return out << name_of(t);
}

/// Runs the context until `done`, one handler at a time. Fails the test when there is nothing left
/// to run, or nothing has happened for very long.
void run_until(net::io_context& io, const std::function<bool()>& done);
/// Runs what is ready.
void run_ready(net::io_context& io);

std::span<const std::byte> bytes_of(std::string_view text) noexcept;
std::string text_of(std::span<const std::byte> bytes);
/// `size` bytes that differ from their neighbours.
std::string long_text(std::size_t size);
/// Open descriptors of this process; 0 where that cannot be known.
std::size_t open_descriptors();
/// Those that are sockets, among which none is of a sanitizer's.
std::size_t open_sockets();

/// A context, a network and a listening socket of it. At its end it checks that nothing is left: no
/// work, no stream, no descriptor.
class network_fixture {
 public:
    struct pair {
        io::stream_ptr client;
        io::stream_ptr server;
    };

    explicit network_fixture(transport t);
    ~network_fixture();
    network_fixture(const network_fixture&) = delete;
    network_fixture& operator=(const network_fixture&) = delete;

    bool simulated() const noexcept;
    bool tls() const noexcept;
    bool over_unix() const noexcept { return transport_ == transport::unix_socket; }
    net::io_context& context() noexcept { return *io_; }
    net::any_io_executor executor() { return io_->get_executor(); }
    io::network& network() noexcept { return *network_; }
    sim_network& sim() noexcept { return *sim_; }

    /// Options for another listener.
    io::listen_options listen_options();
    /// Listens if nobody does yet.
    io::acceptor& acceptor();
    void close_acceptor() { acceptor_.reset(); }
    /// Options that lead to the listener.
    io::connect_options connect_options();

    /// A connection, its handshakes made.
    pair connect();
    void run_until(const std::function<bool()>& done) { test::run_until(*io_, done); }
    void run_ready() { test::run_ready(*io_); }

    /// Writes all of it; the other end must be reading when it is long.
    void write(io::stream& to, std::string_view text);
    /// Reads exactly so many bytes, or fewer until an error.
    std::string read(io::stream& from, std::size_t size, error_code& ec);
    /// Reads exactly so many bytes.
    std::string read(io::stream& from, std::size_t size);
    /// What the next read ends with; it must bring no bytes.
    error_code read_error(io::stream& from);

    /// The context goes now, whatever is under way.
    void destroy_context();

 private:
    transport transport_;
    std::size_t descriptors_;
    std::unique_ptr<net::io_context> io_;
    std::unique_ptr<sim_network> sim_;
    io::network* network_;
    io::listen_options listening_;
    std::unique_ptr<io::acceptor> acceptor_;
};

}  // namespace tidings::test
