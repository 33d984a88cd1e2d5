// SPDX-License-Identifier: BSL-1.0
// When what was published leaves, in a program that calls `poll` or `poll_one` itself.
#include "support/catch2.hpp"
#include "support/frames.hpp"
#include "support/network_fixture.hpp"
#include "support/quiet_network.hpp"

#include <tidings/bus.hpp>
#include <tidings/http/server.hpp>
#include <tidings/sse/service.hpp>
#include <tidings/test/fixed_random.hpp>
#include <tidings/test/manual_clock.hpp>
#include <tidings/websocket/service.hpp>

#include <thread>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

/// A bus and ten streams of it; nothing runs but what the test polls.
struct loop_bed {
    explicit loop_bed(const std::string& ask, bool single_thread, queue_limits limits = {})
        : web(io,
              {.assume_single_thread = single_thread, .environment = {&network, &clock, &random}}) {
        web.mount("/ws", websocket::service(hub, {.limits = limits}));
        web.mount("/events", sse::service(hub, {.limits = limits}));
        web.start();
        poll();
        for (int i = 0; i < 10; ++i) {
            peers.push_back(network.connect(ask));
            poll();
        }
        REQUIRE(hub.subscriptions() == 10);
        before = writes();
    }
    void poll() {
        io.restart();
        io.poll();
    }
    bool poll_one() {
        io.restart();
        return io.poll_one() != 0;
    }
    void publish(std::string_view data = "x") { hub.publish("a.b", event("t", "/s", data)); }
    std::size_t writes() const {
        std::size_t n = 0;
        for (const auto& p : peers) n += p->writes;
        return n;
    }
    /// Since the start, of each stream.
    std::size_t sent() const {
        REQUIRE((writes() - before) % 10 == 0);
        return (writes() - before) / 10;
    }

    net::io_context io;
    manual_clock clock;
    fixed_random random;
    quiet_network network;
    bus hub{io, {.clock = &clock}};
    http::server web;
    std::vector<std::shared_ptr<quiet_peer>> peers;
    std::size_t before = 0;
};

const std::string ask_websocket = upgrade_request("/ws?topic=a.%3E");
const std::string ask_sse = "GET /events?topic=a.%3E HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

struct loop_kind {
    std::string ask = GENERATE(ask_websocket, ask_sse);
    bool single = GENERATE(false, true);
};

TEST_CASE("what was published before a poll leaves in it, in one write per stream",
          "[outlet][flush]") {
    const loop_kind k;
    loop_bed f(k.ask, k.single);
    for (std::size_t tick = 1; tick <= 3; ++tick) {
        for (int i = 0; i < 16; ++i) f.publish();
        CHECK(f.sent() == tick - 1);
        f.poll();
        CHECK(f.sent() == tick);
        CHECK_FALSE(f.poll_one());
    }
}

TEST_CASE("with poll_one what was published leaves after one lap without news", "[outlet][flush]") {
    const loop_kind k;
    loop_bed f(k.ask, k.single);
    f.publish();
    CHECK(f.poll_one());
    CHECK(f.sent() == 0);
    CHECK(f.poll_one());
    CHECK(f.sent() == 1);
    // News in the second lap: one more.
    f.publish();
    CHECK(f.poll_one());
    f.publish();
    CHECK(f.poll_one());
    CHECK(f.sent() == 1);
    CHECK(f.poll_one());
    CHECK(f.sent() == 2);
}

TEST_CASE("with poll_one a publisher that does not end is waited for by four laps",
          "[outlet][flush]") {
    const loop_kind k;
    loop_bed f(k.ask, k.single);
    for (std::size_t turn = 1; turn <= 3; ++turn)
        for (int lap = 0; lap < 5; ++lap) {
            CHECK(f.sent() == turn - 1);
            f.publish();
            CHECK(f.poll_one());
        }
    CHECK(f.sent() == 3);
}

TEST_CASE("with poll_one nothing waits for more than 200 us", "[outlet][flush]") {
    const loop_kind k;
    loop_bed f(k.ask, k.single);
    f.publish();
    CHECK(f.poll_one());
    f.clock.advance(199us);
    f.publish();
    CHECK(f.poll_one());
    CHECK(f.sent() == 0);
    f.clock.advance(1us);
    f.publish();
    CHECK(f.poll_one());
    CHECK(f.sent() == 1);
}

TEST_CASE("with poll_one what fills 64 KiB leaves before the turn ends", "[outlet][flush]") {
    const loop_kind k;
    loop_bed f(k.ask, k.single, {.max_bytes = 1U << 24});
    const std::string data(40 * 1024, 'x');
    f.publish(data);
    CHECK(f.poll_one());
    CHECK(f.sent() == 0);
    f.publish(data);
    CHECK(f.poll_one());
    CHECK(f.sent() >= 1);
    for (const auto& p : f.peers) CHECK(p->bytes >= 64 * 1024);
    f.poll();
    for (const auto& p : f.peers) CHECK(p->bytes >= 80 * 1024);
}

TEST_CASE("flush sends at once in the loop's thread, and else with the next handler",
          "[outlet][flush]") {
    const loop_kind k;
    loop_bed f(k.ask, k.single);
    const auto now = k.single ? std::size_t{1} : std::size_t{0};
    f.publish();
    f.publish();
    f.web.flush();
    CHECK(f.sent() == now);
    CHECK(f.poll_one());
    CHECK(f.sent() == 1);
    f.poll();
    CHECK(f.sent() == 1);
    // In the middle of a turn.
    f.publish();
    CHECK(f.poll_one());
    f.publish();
    f.web.flush();
    CHECK(f.sent() == 1 + now);
    CHECK(f.poll_one());
    CHECK(f.sent() == 2);
    f.poll();
    CHECK(f.sent() == 2);
    f.web.flush();
    CHECK_FALSE(f.poll_one());
    // From another thread it is never sent there.
    f.publish();
    std::thread([&] { f.web.flush(); }).join();
    CHECK(f.sent() == 2);
    CHECK(f.poll_one());
    CHECK(f.sent() == 3);
}

TEST_CASE("a server that was moved from, or whose context has ended, flushes nothing",
          "[outlet][flush]") {
    auto io = std::make_unique<net::io_context>();
    manual_clock clock;
    fixed_random random;
    quiet_network network;
    http::server web(*io, {.environment = {&network, &clock, &random}});
    auto to = std::move(web);
    web.flush();
    io.reset();
    to.flush();
}

}  // namespace

}  // namespace tidings::test
