// SPDX-License-Identifier: BSL-1.0
// What an idle stream takes of the heap: docs/benchmarks.md says where each byte goes.
#include "support/allocations.hpp"
#include "support/catch2.hpp"
#include "support/frames.hpp"
#include "support/network_fixture.hpp"
#include "support/quiet_network.hpp"

#include <tidings/bus.hpp>
#include <tidings/bus/impl/feed.hpp>
#include <tidings/http/server.hpp>
#include <tidings/io/impl/polled_stream.hpp>
#include <tidings/io/impl/socket_stream.hpp>
#include <tidings/outlet/impl/live_state.hpp>
#include <tidings/sse/impl/sse_session.hpp>
#include <tidings/sse/service.hpp>
#include <tidings/test/fixed_random.hpp>
#include <tidings/test/manual_clock.hpp>
#include <tidings/websocket/impl/websocket_session.hpp>
#include <tidings/websocket/service.hpp>

#include <string>
#include <vector>

namespace tidings::test {

namespace {

/// The limits are what they were when they were set. A change that needs less lowers them.
struct row {
    const char* name;
    std::size_t size;
    std::size_t most;
};

const row parts[] = {
    {"websocket_session", sizeof(websocket::detail::websocket_session), 488},
    {"websocket_input", sizeof(websocket::detail::websocket_input), 264},
    {"websocket_parser", sizeof(websocket_parser), 144},
    {"sse_session", sizeof(sse::detail::sse_session), 160},
    {"live_state", sizeof(detail::live_state), 432},
    {"live_access", sizeof(detail::live_access), 64},
    {"live_stream", sizeof(http::live_stream), 248},
    {"send_queue", sizeof(detail::send_queue), 184},
    {"feed", sizeof(detail::feed), 472},
    {"wheel_timer", sizeof(detail::wheel_timer), 48},
    {"socket_stream", sizeof(detail::socket_stream), 64},
#if TIDINGS_POLL_SET
    {"polled_stream", sizeof(detail::polled_stream), 256},
#endif
};

}  // namespace

// Of this library and this processor only: elsewhere other sizes are right.
TEST_CASE("what an idle stream is made of does not grow", "[websocket][sse][counts]") {
#if defined(__GLIBCXX__) && defined(__x86_64__)
    for (const auto& [name, size, most] : parts) {
        CAPTURE(name, size, most);
        CHECK(size <= most);
    }
#endif
}

TEST_CASE("an idle stream takes little of the heap", "[websocket][sse][counts]") {
#if defined(__GLIBCXX__) && defined(__x86_64__)
    const auto [ask, most] = GENERATE(
        std::pair(upgrade_request("/ws?topic=a.%3E"), 2650L),
        std::pair(std::string("GET /events?topic=a.%3E HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
                  2200L));
    net::io_context io;
    manual_clock clock;
    fixed_random random;
    quiet_network network;
    bus hub{io, {.history = {.max_events = 16}, .clock = &clock}};
    http::server web{
        io, {.max_connections_per_address = 1000, .environment = {&network, &clock, &random}}};
    web.mount("/ws", websocket::service(hub));
    web.mount("/events", sse::service(hub));
    web.start();
    run_ready(io);
    std::vector<std::shared_ptr<quiet_peer>> peers;
    const auto connect = [&](std::size_t count) {
        const auto before = bytes_held.load();
        for (std::size_t i = 0; i < count; ++i) {
            peers.push_back(network.connect(ask));
            run_ready(io);
        }
        return (bytes_held - before) / static_cast<long>(count);
    };
    peers.reserve(256);
    connect(128);
    CHECK(connect(128) <= most);
    REQUIRE(hub.subscriptions() == 256);
#endif
}

TEST_CASE("what a burst took of a stream's list is given back in silence", "[sse][counts]") {
    constexpr std::size_t streams = 16;
    constexpr std::size_t events = 64;
    net::io_context io;
    manual_clock clock;
    fixed_random random;
    quiet_network network;
    bus hub{io, {.history = {.max_events = 16}, .clock = &clock}};
    http::server web{io, {.environment = {&network, &clock, &random}}};
    web.mount("/events", sse::service(hub));
    web.start();
    run_ready(io);
    std::vector<std::shared_ptr<quiet_peer>> peers;
    for (std::size_t i = 0; i < streams; ++i) {
        peers.push_back(network.connect("GET /events?topic=a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
        run_ready(io);
    }
    for (std::size_t i = 0; i < events; ++i) hub.publish("a", event("com.example.thing", "/idle"));
    run_ready(io);
    const auto after_burst = bytes_held.load();
    const auto writes = peers[0]->writes;
    for (int quarters = 0; quarters < 2; ++quarters) {
        clock.advance(sse::service_options{}.heartbeat / 4 + detail::timer_wheel::tick);
        run_ready(io);
    }
    CHECK(peers[0]->writes == writes);  // no heartbeat is due yet
    CHECK(bytes_held + static_cast<long>(streams * events * 2 * sizeof(void*)) < after_burst);
}

}  // namespace tidings::test
