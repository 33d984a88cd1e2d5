// SPDX-License-Identifier: BSL-1.0
// What a large body that many endpoints are owed takes of the heap.
#include "support/allocations.hpp"
#include "support/catch2.hpp"

#include <tidings/bus.hpp>
#include <tidings/test/run_until.hpp>
#include <tidings/webhook/make_secret.hpp>
#include <tidings/webhook/sender.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <list>
#include <optional>
#include <string>
#include <vector>

namespace tidings::test {

namespace {

constexpr std::size_t body_bytes = 1024 * 1024;
constexpr std::size_t endpoints = 1'000;
constexpr std::size_t connections = 64;

/// Accepts, and reads nothing.
class silent_target {
 public:
    explicit silent_target(net::io_context& io)
        : acceptor_(io, {net::ip::address_v4::loopback(), 0}) {
        accept();
    }
    std::string url(std::size_t of) const {
        return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/" +
               std::to_string(of);
    }
    /// Connections on which more has come than a head.
    std::size_t sent_to() const {
        return static_cast<std::size_t>(std::count_if(
            all_.begin(), all_.end(), [](const auto& s) { return s.available() > 32 * 1024; }));
    }

 private:
    void accept() {
        acceptor_.async_accept([this](error_code ec, net::ip::tcp::socket s) {
            if (ec) return;
            all_.push_back(std::move(s));
            accept();
        });
    }

    net::ip::tcp::acceptor acceptor_;
    std::list<net::ip::tcp::socket> all_;
};

}  // namespace

TEST_CASE("a large body that many endpoints are owed, and are sent, is in memory once",
          "[webhook][counts]") {
    net::io_context io;
    silent_target target(io);
    bus hub{io};
    webhook::sender sender{
        io,
        {.guard = {.allow_loopback = true, .schemes = {"http"}}, .max_connections = connections}};
    std::vector<subscription> hooks;
    const auto secret = webhook::make_secret();
    for (std::size_t i = 0; i < endpoints; ++i)
        hooks.push_back(
            hub.subscribe("a", sender.endpoint({.url = target.url(i), .secret = secret})));
    io.poll();

    const auto before = bytes_held.load();
    hub.publish("a", event("test", "/test", std::string(body_bytes, 'x')));
    // Those that have not succeeded yet have half of the connections.
    REQUIRE(run_io_until(io, [&] { return target.sent_to() == connections / 2; }));
    const auto held = bytes_held - before;
    CAPTURE(held);
    CHECK(held >= static_cast<long>(body_bytes));
    // With the first entry of an endpoint comes what the outbox holds of an endpoint.
    constexpr std::size_t first_entry = 640;
    CHECK(held <= static_cast<long>(body_bytes + endpoints * (2048 + first_entry) +
                                    connections / 2 * 16 * 1024));
}

}  // namespace tidings::test
