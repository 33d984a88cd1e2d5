// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "matrix/findings.hpp"
#include "support/sim_network.hpp"

#include <tidings/io/environment.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace tidings::matrix {

enum class network_kind {
    loopback,   ///< the machine's sockets and clocks
    tls,        ///< the same, every connection over TLS, verified
    simulated,  ///< in memory, by a clock that only the test moves
};

/// A context with the network and clock of one row. One thread.
class world {
 public:
    explicit world(network_kind kind);
    ~world();
    world(const world&) = delete;
    world& operator=(const world&) = delete;

    net::any_io_executor executor() const;
    const io::environment& environment() const noexcept { return environment_; }
    /// Null but on the simulated network.
    test::sim_network* simulated() const noexcept;

    // Of servers and clients.
    std::optional<io::tls_server_options> server_tls() const;
    io::tls_client_options client_tls() const;
    /// `scheme` is "http" or "ws"; the secure one stands in its place where the row is TLS.
    std::string url(std::string_view scheme, std::uint16_t port, std::string_view path) const;

    /// Runs handlers, and on the simulated network lets time pass, until `done()`; false when that
    /// does not come.
    bool run_until(const std::function<bool()>& done);
    /// Runs what is ready. No time passes.
    void settle();
    /// Runs some of it: so many handlers where that is the same in every run.
    void run_a_while(std::size_t handlers);
    /// Puts something into the cable of every connection that is made from here on, where they are
    /// simulated.
    void tap(std::function<std::unique_ptr<test::cable_tap>()> make);
    /// From here on new connections carry little at a time, where they are simulated.
    void trickle();
    /// To be called when everything that was made in it is gone: what is left of it.
    findings end();

 private:
    struct parts;
    network_kind kind_;
    std::unique_ptr<parts> parts_;
    io::environment environment_;
};

}  // namespace tidings::matrix
