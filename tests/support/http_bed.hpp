// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/allocations.hpp"
#include "support/counting_metrics.hpp"
#include "support/network_fixture.hpp"

#include <tidings/http/server.hpp>
#include <tidings/test/fixed_random.hpp>
#include <tidings/test/manual_clock.hpp>

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace tidings::test {

/// One end of a connection in the hands of a test: keeps what it receives, sends what it is given.
class http_peer {
 public:
    explicit http_peer(io::stream_ptr s) : stream_(std::move(s)) { read(); }

    void send(std::string_view text) {
        queued_ += text;
        if (sending_.empty()) write();
    }
    void shutdown() {
        stream_->start_shutdown([](error_code) {});
    }
    void close() { stream_.reset(); }
    bool open() const noexcept { return stream_ && !ended_; }
    /// How its receiving direction ended.
    error_code ended() const noexcept { return ended_; }
    /// From now on what comes stays in the network.
    void stop_reading() noexcept { reading_ = false; }
    void resume_reading() {
        reading_ = true;
        read();
    }
    const std::string& received() const noexcept { return received_; }
    std::string take() { return std::exchange(received_, {}); }
    std::size_t unsent() const noexcept { return sending_.size() + queued_.size(); }

 private:
    void read() {
        stream_->start_read(buffer_, [this](error_code ec, std::size_t n) {
            const sparing memory;
            if (ec) {
                ended_ = ec;
                return;
            }
            received_ += text_of(std::span(buffer_).first(n));
            if (reading_) read();
        });
    }
    void write() {
        if (sending_.empty()) sending_ = std::exchange(queued_, {});
        if (sending_.empty()) return;
        stream_->start_write(bytes_of(sending_), [this](error_code ec, std::size_t n) {
            if (ec) queued_.clear();
            sending_.erase(0, ec ? sending_.size() : n);
            write();
        });
    }

    io::stream_ptr stream_;
    std::array<std::byte, 4096> buffer_{};
    std::string received_;
    std::string sending_;
    std::string queued_;
    error_code ended_;
    bool reading_ = true;
};

/// A context on a simulated network, whose time stands still until the test advances it.
class http_bed {
 public:
    static constexpr std::uint16_t port = 80;

    http_bed() : io_(std::make_unique<net::io_context>()), sim_(std::in_place, &clock) {}
    ~http_bed() {
        if (!io_) return;
        run();
        if (sim_) CHECK(sim_->live_streams() == 0);
        CHECK_FALSE(clock.next_deadline().has_value());
    }

    bool has_context() const noexcept { return io_ != nullptr; }
    net::io_context& io() noexcept { return *io_; }
    sim_network& sim() noexcept { return *sim_; }
    io::environment environment() { return {&*sim_, &clock, &random}; }
    http::server_options options() {
        http::server_options o;
        o.port = port;
        o.allowed_hosts = {"*"};
        o.environment = environment();
        o.metrics = metrics;
        o.log = [this](const log_record& r) { logged.emplace_back(r.message); };
        return o;
    }
    http::server server() { return http::server(*io_, options()); }

    /// Everything that can happen now, happens.
    void run() { run_ready(*io_); }
    /// Lets time pass once everything has happened that can happen now.
    void advance(std::chrono::milliseconds by) {
        run();
        clock.advance(by);
        run();
    }
    /// A connection to the server; null if it was refused.
    std::unique_ptr<http_peer> connect(std::uint16_t to = port) {
        std::unique_ptr<http_peer> made;
        auto cancel = sim_->start_connect(io_->get_executor(), {.host = "127.0.0.1", .port = to},
                                          [&](error_code ec, io::stream_ptr s) {
                                              if (!ec)
                                                  made = std::make_unique<http_peer>(std::move(s));
                                          });
        run();
        return made;
    }
    /// What a server answers to the bytes on a new connection, until it has no more to say.
    std::string ask(std::string_view text) {
        const auto peer = connect();
        REQUIRE(peer);
        peer->send(text);
        run();
        auto answer = peer->take();
        peer->close();
        run();
        return answer;
    }
    void destroy_context() {
        sim_.reset();
        io_.reset();
    }

    manual_clock clock;
    fixed_random random;
    std::shared_ptr<counting_metrics> metrics = std::make_shared<counting_metrics>();
    std::vector<std::string> logged;

 private:
    std::unique_ptr<net::io_context> io_;
    std::optional<sim_network> sim_;
};

/// The other side of a client's connections.
class raw_listener {
 public:
    explicit raw_listener(http_bed& bed, std::uint16_t port = http_bed::port) : bed_(bed) {
        error_code ec;
        acceptor_ = bed.sim().listen(bed.io().get_executor(), {.port = port}, ec);
        REQUIRE_FALSE(ec);
        accept();
    }
    void stop() { acceptor_.reset(); }
    /// Those that connected, in order.
    std::deque<std::unique_ptr<http_peer>> peers;

 private:
    void accept() {
        acceptor_->start_accept(bed_.io().get_executor(), [this](error_code ec, io::stream_ptr s) {
            if (ec) return;
            const sparing memory;
            // What a client does not see of the handshake of a simulated connection.
            peers.push_back(std::make_unique<http_peer>(std::move(s)));
            accept();
        });
    }
    http_bed& bed_;
    std::unique_ptr<io::acceptor> acceptor_;
};

}  // namespace tidings::test
