// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/clock.hpp>
#include <tidings/io/network.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::test {

/// Stands in the cable of one connection, and may alter what it carries.
class cable_tap {
 public:
    virtual ~cable_tap() = default;
    /// What goes on to that end instead of what was written. Called with the network locked.
    virtual std::string carry(bool to_server, std::string_view written) = 0;
};

/// What the simulated cable of a connection does.
struct sim_link {
    enum class on_connect { accept, refuse, hang };
    on_connect connect = on_connect::accept;
    std::size_t max_read_bytes = std::numeric_limits<std::size_t>::max();   ///< per read
    std::size_t max_write_bytes = std::numeric_limits<std::size_t>::max();  ///< per write
    std::size_t buffer_bytes = 64 * 1024;  ///< what a direction holds before a write would block
    std::optional<std::size_t> cut_after_sent{};      ///< bytes of the client's, then a reset
    std::optional<std::size_t> cut_after_received{};  ///< bytes of the server's, then a reset
    bool silent = false;                              ///< bytes are taken and never arrive
    std::chrono::milliseconds latency{0};      ///< of bytes, closing and connecting; needs a clock
    bool fail_handshake = false;               ///< the client's TLS handshake fails
    bool hang_handshake = false;               ///< it does not end
    bool poll_tls = false;                     ///< whether a TLS stream says that it can be polled
    std::string client_address = "127.0.0.1";  ///< what the server sees
    std::function<std::unique_ptr<cable_tap>()> make_tap{};  ///< for each connection; null: none
};

/// A network in memory. Completions are posted in a fixed order, so a test with one thread runs the
/// same every time; operations under way do not keep a context's `run()` from returning. TLS is
/// only pretended. Names: `localhost`, and what is added. Safe from any thread. Destroying it drops
/// every callback; destroy it before the contexts of its streams.
class sim_network final : public io::network {
 public:
    /// `clock`: for latency; outlives the network.
    explicit sim_network(io::clock* clock = nullptr);
    ~sim_network() override;
    sim_network(const sim_network&) = delete;
    sim_network& operator=(const sim_network&) = delete;

    /// For the connections made from now on.
    void set_link(sim_link link);
    /// A name without addresses is one whose resolution hangs.
    void add_name(const std::string& host, const std::vector<std::string>& addresses);

    /// Every open connection is reset now.
    void reset_all();
    /// From now on no open connection carries anything.
    void silence_all();

    std::size_t live_streams() const;
    /// Connections made so far.
    std::size_t connections() const;

    std::unique_ptr<io::acceptor> listen(net::any_io_executor executor,
                                         const io::listen_options& options,
                                         error_code& ec) override;
    io::canceller start_connect(net::any_io_executor executor, io::connect_options options,
                                io::stream_callback done) override;
    io::canceller start_resolve(net::any_io_executor executor, std::string host, std::uint16_t port,
                                io::resolve_callback done) override;

    struct core;

 private:
    std::shared_ptr<core> core_;
};

}  // namespace tidings::test
