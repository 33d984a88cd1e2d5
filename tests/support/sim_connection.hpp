// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/sim_network.hpp"

#include <array>
#include <deque>
#include <mutex>

namespace tidings::test {

/// One connection of a sim_network: two ends, 0 the client's and 1 the server's, and a pipe to
/// each. Guarded by the network's mutex, which the private functions expect to be held.
class sim_connection : public std::enable_shared_from_this<sim_connection> {
 public:
    using side = std::size_t;
    struct shared {
        std::mutex mutex;
        io::clock* clock = nullptr;
        std::size_t live_streams = 0;
    };

    /// Which of the two speaks TLS; when they disagree, or the link says so, handshakes fail.
    sim_connection(std::shared_ptr<shared> s, sim_link link, bool client_tls, bool server_tls);

    /// Hands one end out; its operations complete on `executor`.
    io::stream_ptr make_stream(side s, net::any_io_executor executor,
                               std::optional<io::socket_address> peer);

    // For sim_stream.
    void rebind(side s, const net::any_io_executor& executor);
    void start_transfer(side s, io::wait_for way, std::span<std::byte> into,
                        std::span<const std::byte> from, io::read_callback done);
    void start_wait(side s, io::wait_for way, io::ready_callback done);
    std::size_t try_read(side s, std::span<std::byte> into, error_code& ec);
    std::size_t try_write(side s, std::span<const std::byte> from, error_code& ec);
    void shutdown(side s);
    void post(side s, error_code ec, io::ready_callback done);
    void close(side s);
    void drop(side s);
    const sim_link& link() const noexcept { return link_; }
    bool tls(side s) const noexcept { return tls_[s]; }
    /// How the handshake of an end that speaks TLS ends.
    error_code handshake() const;

    // For sim_network.
    void reset();
    void silence();
    /// Takes every callback away; the caller destroys them without holding the mutex.
    void take_callbacks(std::vector<io::read_callback>& taken);

 private:
    struct segment {
        io::steady_time arrives;
        std::vector<std::byte> bytes;  // none: the end of the direction
    };
    struct direction {
        std::deque<segment> segments;
        std::size_t held = 0;     // bytes in the segments
        std::size_t carried = 0;  // since the beginning
        std::optional<std::size_t> cut;
        bool ended = false;
        std::unique_ptr<io::timer> timer;
    };
    struct pending {
        io::read_callback done;
        bool wait = false;
        bool posted = false;
        std::span<std::byte> into;
        std::span<const std::byte> from;
    };
    struct end {
        net::any_io_executor executor;
        std::array<pending, 2> operations;  // by wait_for
        bool closed = false;
        bool dropped = false;
    };

    pending& at(side s, io::wait_for way) {
        return ends_[s].operations[way == io::wait_for::readable ? 0 : 1];
    }
    io::steady_time now() const;
    error_code readiness(side s, io::wait_for way) const;
    std::size_t read(side s, std::span<std::byte> into, error_code& ec);
    std::size_t write(side s, std::span<const std::byte> from, error_code& ec);
    void end_direction(side to);
    void carry(side to, std::span<const std::byte> bytes);
    void put(side to, std::vector<std::byte> bytes);
    void arm(side to);
    void notify(side s, io::wait_for way);
    void notify_all();
    void perform(side s, io::wait_for way);

    std::shared_ptr<shared> shared_;
    const sim_link link_;
    const std::array<bool, 2> tls_;
    const std::unique_ptr<cable_tap> tap_;
    bool reset_ = false;
    bool silent_;
    std::array<direction, 2> to_;
    std::array<end, 2> ends_;
};

}  // namespace tidings::test
