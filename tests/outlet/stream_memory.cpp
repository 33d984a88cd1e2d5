// SPDX-License-Identifier: BSL-1.0
// The way of an event to its readers where memory runs out, at each allocation in turn.
#include "support/allocations.hpp"
#include "support/catch2.hpp"
#include "support/frames.hpp"
#include "support/network_fixture.hpp"
#include "support/quiet_network.hpp"

#include <tidings/bus.hpp>
#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/codec/websocket_parser.hpp>
#include <tidings/http/server.hpp>
#include <tidings/rest/service.hpp>
#include <tidings/sse/service.hpp>
#include <tidings/test/fixed_random.hpp>
#include <tidings/test/manual_clock.hpp>
#include <tidings/websocket/service.hpp>

namespace tidings::test {

namespace {

/// How a client of a transport asks for what follows a position.
struct transport_way {
    const char* name;
    std::string (*ask)(const std::string& after);
    bool (*is_over)(std::string_view text) = nullptr;  ///< where the client ends it then
};

bool was_answered(std::string_view text) {
    return text.find("\r\n\r\n") != std::string_view::npos;
}

bool has_close_frame(std::string_view text) {
    std::string frames(text.substr(std::min(text.size(), text.find("\r\n\r\n") + 4)));
    websocket_parser parser(websocket_role::client);
    parser.feed(std::as_writable_bytes(std::span(frames)));
    error_code ec;
    while (const auto item = parser.next(ec))
        if (item->opcode == websocket_opcode::close) return true;
    return false;
}

const transport_way ways[] = {
    {"websocket",
     [](const std::string& after) { return upgrade_request("/ws?topic=a&after=" + after); },
     has_close_frame},
    {"sse",
     [](const std::string& after) {
         return "GET /events?topic=a&after=" + after + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
     }},
    {"long poll",
     [](const std::string& after) {
         return "GET /topics/a?wait=30s&after=" + after + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
     },
     was_answered},
};

/// What stands between `before` and the next quotation mark; moves `text` behind it.
std::string next_value(std::string_view& text, std::string_view before) {
    const auto at = text.find(before);
    if (at == std::string_view::npos) return text = {}, std::string();
    text.remove_prefix(at + before.size());
    return std::string(text.substr(0, text.find('"')));
}

/// A client that comes back, over a network that only counts, and what it has got.
struct resuming_client {
    resuming_client(const transport_way& t, quiet_network& n, net::io_context& c,
                    std::string position)
        : way(t),
          network(n),
          io(c),
          at(std::move(position)) {
        connect();
    }
    void connect() {
        peer = network.connect(way.ask(at));
        peer->text.reserve(std::size_t{10} << 20);
        taken = 0;
        run_ready(io);
    }
    /// Takes what has come, and comes back where its connection has ended or its question was
    /// answered.
    void resume() {
        for (int i = 0; i < 100; ++i) {
            take();
            if (!peer->ended && !(way.is_over && way.is_over(peer->text))) return;
            if (peer->leave) peer->leave();
            run_ready(io);
            connect();
        }
        FAIL("it comes back for ever");
    }
    void take() {
        auto text = std::string_view(peer->text).substr(taken);
        taken = peer->text.size();
        while (true) {
            const auto topic = next_value(text, R"(,"topic":")");
            if (topic.empty()) break;
            const auto position = next_value(text, R"(,"position":")");
            const auto data = next_value(text, topic == "a" ? R"(,"data":")" : R"(,"data":{")");
            got.push_back(topic == "a" ? data.substr(0, data.find(end_of_name)) : topic);
            at = position;
        }
    }

    const transport_way& way;
    quiet_network& network;
    net::io_context& io;
    std::string at;
    std::shared_ptr<quiet_peer> peer;
    std::size_t taken = 0;   // of the peer's text
    char end_of_name = '.';  // in the data
    std::vector<std::string> got;
};

/// As a program whose `run` throws: Asio's own allocations fail, too.
void run_again(net::io_context& io) {
    try {
        run_ready(io);
    } catch (const std::bad_alloc&) {
        run_ready(io);
    }
}

struct memory_bed {
    explicit memory_bed(websocket::hooks hooks = {}, std::size_t max_form_bytes = 1U << 20)
        : hub(io, {.history = {.max_events = 1000},
                   .clock = &clock,
                   .max_form_bytes = max_form_bytes}) {
        web.mount("/ws", websocket::service(hub, {.hooks = std::move(hooks)}));
        web.mount("/events", sse::service(hub));
        web.mount("/topics", rest::service(hub));
        web.start();
        run_ready(io);
    }
    ~memory_bed() {
        allocations_left = -1;
        hub = bus(io);
    }
    /// Whether the bus has it.
    bool publish(const std::string& text) {
        const auto before = hub.head();
        try {
            refused = hub.publish("a", event("t", "/s", text)).error;
        } catch (const std::bad_alloc&) {
            refused = errc::out_of_memory;  // for the event's texts
        }
        return hub.head() != before;
    }

    error_code refused;  // the last publication
    net::io_context io;
    manual_clock clock;
    fixed_random random;
    quiet_network network;
    bus hub;
    http::server web{
        io, {.max_connections_per_address = 1000, .environment = {&network, &clock, &random}}};
};

}  // namespace

TEST_CASE("whatever allocation fails, a client that comes back has every event, in order",
          "[websocket][sse][rest][fault-1]") {
    const auto& way = GENERATE(from_range(std::begin(ways), std::end(ways)));
    const bool slow = GENERATE(false, true);
    if (slow && way.is_over == was_answered) return;
    const std::string filler(slow ? 20'000 : 1, '.');
    for (long n = 0;; ++n) {
        CAPTURE(way.name, slow, n);
        REQUIRE(n < 2000);
        memory_bed bed;
        resuming_client client(way, bed.network, bed.io, bed.hub.head().text());
        if (slow) client.peer->room = 1000;
        std::vector<std::string> expected;
        long left = n;
        const auto short_of_memory = [&](auto f) {
            allocations_left = left;
            f();
            left = allocations_left.exchange(-1);
        };
        for (int i = 0; i < 8; ++i) {
            const auto text = std::to_string(i) + filler;
            bool kept = false;
            short_of_memory([&] { kept = bed.publish(text); });
            if (kept) expected.push_back(std::to_string(i));
            CHECK(bed.refused == (kept ? error_code() : errc::out_of_memory));
            if (i % 4 == 3) short_of_memory([&] { run_again(bed.io); });
        }
        if (slow) {
            client.peer->room = std::size_t{1} << 20;
            if (client.peer->give_room) client.peer->give_room();
            short_of_memory([&] { run_again(bed.io); });
        }
        client.resume();
        expected.push_back("last");
        REQUIRE(bed.publish("last" + filler));
        run_ready(bed.io);
        client.resume();
        CHECK(client.got == expected);
        if (left >= 0) break;
    }
}

TEST_CASE("large events with many readers keep no more text than they may, and arrive whole",
          "[websocket][sse][rest][forms]") {
    constexpr std::size_t most = std::size_t{1} << 20, frame = 130'000;
    memory_bed bed({}, most);
    const auto at = bed.hub.head().text();
    std::vector<std::unique_ptr<resuming_client>> clients;
    for (const auto& way : ways)
        for (const bool slow : {false, true}) {
            clients.push_back(std::make_unique<resuming_client>(way, bed.network, bed.io, at));
            clients.back()->end_of_name = '$';
            if (slow) clients.back()->peer->room = 1000;
        }
    const auto bytes = [&] { return bed.hub.state()->forms().bytes(); };
    std::vector<std::string> expected;
    for (int i = 0; i < 50; ++i) {
        const auto name = std::to_string(i);
        REQUIRE(bed.publish(name + std::string(20'000, '\x01')));
        expected.push_back(name);
        for (int k = 0; k < 20'000; ++k) expected.back() += "\\u0001";
        run_ready(bed.io);
        // Beyond the bound there is what is being sent: a frame for each of three slow clients, and
        // one for the client that is being written to.
        CHECK(bytes() <= most + 4 * frame);
    }
    CHECK(bytes() > most / 2);
    for (const auto& c : clients) {
        c->peer->room = std::size_t{1} << 30;
        if (c->peer->give_room) c->peer->give_room();
        run_ready(bed.io);
        c->resume();
        CHECK(bytes() <= most + 4 * frame);
        CHECK((c->got == expected));
    }
}

TEST_CASE("what finds no memory on its way to one session is announced to it",
          "[websocket][fault-1]") {
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 200);
        websocket::session_ptr session;
        memory_bed bed({.on_open = [&](const auto& s) { session = s; }});
        const auto peer = bed.network.connect(upgrade_request("/ws?topic=b"));
        peer->text.reserve(std::size_t{1} << 16);
        run_ready(bed.io);
        REQUIRE(session);
        std::vector<event_ptr> events;
        error_code ec;
        for (int i = 0; i < 4; ++i)
            events.push_back(publication::make("a", event("t", "/s", std::to_string(i)), {}, ec));
        allocations_left = n;
        for (int i = 0; i < 3; ++i) {
            session->deliver(events[static_cast<std::size_t>(i)]);
            run_again(bed.io);
        }
        failed = allocations_left.exchange(-1) < 0;
        session->deliver(events[3]);
        run_ready(bed.io);
        std::string_view text = peer->text;
        std::vector<std::string> got;
        for (auto topic = next_value(text, R"(,"topic":")"); !topic.empty();
             topic = next_value(text, R"(,"topic":")"))
            got.push_back(topic == "a" ? next_value(text, R"(,"data":")")
                                       : '+' + next_value(text, R"(,"data":{"count":)"));
        // Each is there, or counted before the next.
        std::size_t next = 0;
        for (const auto& g : got) {
            if (g.starts_with('+'))
                next += static_cast<std::size_t>(std::stoul(g.substr(1)));
            else
                CHECK(g == std::to_string(next++));
        }
        CHECK(next == 4);
        session.reset();
    }
}

}  // namespace tidings::test
