// SPDX-License-Identifier: BSL-1.0
// What a delivery costs, in counts that are the same on every machine: allocations, encodings and
// writes. An executable of its own, for it counts every `operator new`.
#include "../../examples/game_tick/world.hpp"
#include "support/catch2.hpp"
#include "support/counting_new.hpp"
#include "support/frames.hpp"
#include "support/network_fixture.hpp"
#include "support/quiet_network.hpp"

#include <tidings/bus.hpp>
#include <tidings/http/server.hpp>
#include <tidings/sse/service.hpp>
#include <tidings/test/fixed_random.hpp>
#include <tidings/test/manual_clock.hpp>
#include <tidings/websocket/service.hpp>

#include <cstddef>
#include <cstdlib>

namespace tidings::test {

namespace {

/// Messages of the data alone, and how many were made.
struct counting_codec final : websocket::codec {
    std::string_view subprotocol() const noexcept override { return {}; }
    bool binary() const noexcept override { return false; }
    std::string encode(const publication& p, error_code&) const override {
        ++encoded;
        return std::string(p.text());
    }
    wire_event decode(std::string_view, bool, error_code& ec) const override {
        ec = errc::ws_bad_message;
        return {};
    }
    mutable std::size_t encoded = 0;
};

const std::string ask_websocket = upgrade_request("/ws?topic=a.%3E");
const std::string ask_sse = "GET /events?topic=a.%3E HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

/// A bus and its streams in one lane, over a network that only counts.
struct count_bed {
    explicit count_bed(std::string ask, std::size_t clients, websocket::service_options o = {}) {
        web.mount("/ws", websocket::service(hub, std::move(o)));
        web.mount("/events", sse::service(hub));
        web.start();
        run();
        for (std::size_t i = 0; i < clients; ++i) {
            peers.push_back(network.connect(ask));
            run();
        }
        REQUIRE(hub.subscriptions() == clients);
    }
    void run() { run_ready(io); }
    void publish(int events = 1) {
        for (int i = 0; i < events; ++i)
            hub.publish("a.b", event("com.example.thing", "/counts", "some data of an event"));
    }
    std::size_t writes() const {
        std::size_t n = 0;
        for (const auto& p : peers) n += p->writes;
        return n;
    }

    net::io_context io;
    manual_clock clock;
    fixed_random random;
    quiet_network network;
    bus hub{io, {.history = {.max_events = 1000}, .clock = &clock}};
    http::server web{
        io, {.max_connections_per_address = 1000, .environment = {&network, &clock, &random}}};
    std::vector<std::shared_ptr<quiet_peer>> peers;
};

/// Of 64 turns, once everything has its size.
std::size_t allocations_of(const std::string& ask, std::size_t clients, int events_a_turn) {
    count_bed bed(ask, clients);
    const auto turns = [&](int n) {
        for (int i = 0; i < n; ++i) {
            bed.publish(events_a_turn);
            bed.run();
        }
    };
    turns(16);
    const auto before = allocations_made.load();
    turns(64);
    return allocations_made - before;
}

}  // namespace

TEST_CASE("A delivery allocates nothing, only an event does", "[websocket][sse][counts]") {
    const auto [name, ask] =
        GENERATE(std::pair("websocket", ask_websocket), std::pair("sse", ask_sse));
    const auto events_a_turn = GENERATE(1, 16);
    CAPTURE(name, events_a_turn);
    const auto of_one = allocations_of(ask, 1, events_a_turn);
    // An event's blocks, texts and frames; for each turn what Asio makes of a post to a strand.
    CHECK(of_one <= 64 * (24 * static_cast<std::size_t>(events_a_turn) + 10));
    CHECK(allocations_of(ask, 100, events_a_turn) == of_one);
}

TEST_CASE("An event is encoded once, however many clients there are", "[websocket][counts]") {
    const auto codec = std::make_shared<counting_codec>();
    count_bed bed(ask_websocket, 100, {.codec = codec});
    bed.publish(7);
    bed.run();
    CHECK(codec->encoded == 7);
    for (const auto& p : bed.peers) CHECK(p->bytes == bed.peers.front()->bytes);
}

TEST_CASE("What one turn publishes leaves in one write per connection",
          "[websocket][sse][counts]") {
    const auto ask = GENERATE(ask_websocket, ask_sse);
    count_bed bed(ask, 100);
    const auto before = bed.writes();
    SECTION("from a handler") {
        net::post(bed.io, [&] { bed.publish(16); });
    }
    SECTION("from outside") {
        bed.publish(16);
    }
    bed.run();
    CHECK(bed.writes() == before + 100);
}

// What examples/game_tick does sixty times a second.
TEST_CASE("a game's tick allocates nothing once its places are known", "[websocket][counts]") {
    net::io_context io;
    manual_clock clock;
    fixed_random random;
    quiet_network network;
    bus hub{io, {.clock = &clock}};
    http::server web{io,
                     {.assume_single_thread = true, .environment = {&network, &clock, &random}}};
    web.mount("/ws", websocket::service(hub, {.overflow = overflow::conflate}));
    web.start();
    run_ready(io);
    std::vector<std::shared_ptr<quiet_peer>> peers;
    for (int i = 0; i < 10; ++i) {
        peers.push_back(network.connect(upgrade_request("/ws?topic=world.%3E")));
        run_ready(io);
    }
    REQUIRE(hub.subscriptions() == 10);
    game::world world(hub, 32);
    std::size_t in_ticks = 0;
    const auto tick = [&] {
        std::size_t before = 0;
        net::post(io, [&] {
            before = allocations_made;
            world.tick();
            web.flush();
        });
        run_ready(io);
        in_ticks += allocations_made - before;
    };
    for (std::size_t i = 0; i < game::world::ticks_of_a_lap + 16; ++i) tick();
    REQUIRE(in_ticks > 32 * game::world::ticks_of_a_lap / 2);
    const auto writes = peers[0]->writes;
    const auto bytes = peers[0]->bytes;
    in_ticks = 0;
    for (int i = 0; i < 64; ++i) tick();
    CHECK(in_ticks == 0);
    CHECK(peers[0]->bytes > bytes + std::size_t{64} * 32 * 100);
    for (const auto& p : peers) CHECK(p->writes == writes + 64);
}

// On Linux, a 1 MiB echo over a real socket has 484 page faults and not 966, of which these buffers
// are nearly all.
TEST_CASE("the echo of a large message allocates two buffers of its size, and no more",
          "[websocket][counts][fault-17]") {
    constexpr std::size_t size = std::size_t{1} << 20;
    net::io_context io;
    manual_clock clock;
    fixed_random random;
    quiet_network network;
    std::vector<std::size_t> seen;
    http::server web{io, {.environment = {&network, &clock, &random}}};
    web.mount("/raw",
              websocket::service({.max_message_bytes = size,
                                  .limits = {.max_bytes = 16 * size},
                                  .hooks = {.on_message = [&](const auto& s, const auto& m) {
                                      seen.push_back(large_bytes);
                                      s->send_binary(m.payload);
                                      return true;
                                  }}}));
    web.start();
    run_ready(io);
    auto text = upgrade_request("/raw");
    const auto message = client_frame(websocket_opcode::binary, std::string(size, 'x'));
    for (int i = 0; i < 5; ++i) text += message;
    const auto peer = network.connect(std::move(text));
    run_ready(io);
    REQUIRE(seen.size() == 5);
    CHECK(peer->bytes > 5 * size);
    for (std::size_t i = 2; i < seen.size(); ++i) {
        CAPTURE(i);
        CHECK(seen[i] - seen[i - 1] <= 2 * size + size / 16);
    }
}

// What lives on is the event and its frame; what comes is read into the lane's own buffer.
TEST_CASE("of a large text two buffers of its size are made: the event's and the frame's",
          "[websocket][counts][fault-17]") {
    constexpr std::size_t size = std::size_t{1} << 20;
    const bool json = GENERATE(false, true);
    CAPTURE(json);
    net::io_context io;
    manual_clock clock;
    fixed_random random;
    quiet_network network;
    std::vector<std::size_t> seen;
    bus hub{io, {.clock = &clock}};
    const auto sub =
        hub.subscribe(">", immediate, [&](const event_ptr&) { seen.push_back(large_bytes); });
    http::server web{io, {.environment = {&network, &clock, &random}}};
    websocket::service_options o;
    o.authorizer = allow_all();
    if (!json) o.codec = websocket::plain_codec("com.example.text", "/counts");
    o.topic = topic_rule::literal("a");
    o.max_message_bytes = 2 * size;
    o.limits.max_bytes = 16 * size;
    web.mount("/ws", websocket::service(hub, std::move(o)));
    web.start();
    run_ready(io);
    const auto reader = network.connect(upgrade_request("/ws?topic=a"));
    run_ready(io);
    auto text = std::string(size, 'x');
    if (json)
        text = R"({"specversion":"1.0","id":"1","source":"/counts","type":"com.example.text",)"
               R"("data":")" +
               text + "\"}";
    auto all = upgrade_request("/ws?topic=nothing");
    for (int i = 0; i < 5; ++i) all += client_frame(websocket_opcode::text, text);
    const auto writer = network.connect(std::move(all));
    run_ready(io);
    REQUIRE(seen.size() == 5);
    CHECK(reader->bytes > 5 * size);
    for (std::size_t i = 2; i < seen.size(); ++i) {
        CAPTURE(i);
        CHECK(seen[i] - seen[i - 1] <= 2 * size + size / 16);
    }
}

}  // namespace tidings::test
