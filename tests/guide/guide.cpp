// SPDX-License-Identifier: BSL-1.0
// The snippets of docs/guide, between `// [name]` and `// [/name]`: compiled, and run as tests.
#include "support/catch2.hpp"

#include <tidings/test/manual_clock.hpp>
#include <tidings/test/recorder.hpp>
#include <tidings/test/sink_server.hpp>
#include <tidings/tidings.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <csignal>

namespace net = boost::asio;

namespace {

std::string user_of_session(std::string_view cookie) {
    return cookie == "session=1" ? "alice" : "";
}

// [cookie]
tidings::authenticator by_session() {
    return [](const tidings::credentials& c, tidings::error_code& ec) {
        const std::string user = user_of_session(c.cookie);  // yours; empty: no such session
        if (user.empty()) ec = tidings::errc::unauthorized;
        return tidings::principal{.name = user, .anonymous = user.empty()};
    };
}
// [/cookie]

// [own_topics]
tidings::authorizer own_topics() {
    return [own = tidings::per_principal("users.{}.>")](
               const tidings::principal& who, tidings::action what, std::string_view topic) {
        return what == tidings::action::subscribe && own(who, what, topic);
    };
}
// [/own_topics]

struct session_row {
    std::string user{};
    std::chrono::system_clock::time_point ends{};
};
/// As a database's client would have it.
struct session_database {
    net::awaitable<std::optional<session_row>> async_find(std::string cookie) {
        if (cookie == "session=1") co_return session_row{"alice", ends};
        co_return std::nullopt;
    }
    std::chrono::system_clock::time_point ends = std::chrono::system_clock::time_point::max();
};

// [database]
tidings::authenticator by_database(session_database& sessions) {
    return [&](tidings::owned_credentials c) -> net::awaitable<tidings::principal> {
        const auto row = co_await sessions.async_find(c.cookie);  // yours
        if (!row) throw boost::system::system_error(tidings::errc::unauthorized);
        co_return tidings::principal{.name = row->user, .anonymous = false, .expires = row->ends};
    };
}
// [/database]

// [coroutine]
net::awaitable<void> handle_orders(tidings::receiver orders) {
    for (;;) {
        const auto [ec, e] = co_await orders.async_receive(net::as_tuple(net::use_awaitable));
        if (ec) co_return;                       // the bus has drained, or is gone
        if (tidings::is_control(e)) continue;    // tidings.gap, tidings.lagged
        co_await net::post(net::use_awaitable);  // whatever an order needs
    }
}
// [/coroutine]

}  // namespace

TEST_CASE("the guide's first server publishes and serves", "[guide]") {
    net::io_context io;
    // [first_server]
    tidings::bus bus{io, {.history = {.max_events = 10'000}}};
    tidings::http::server server{io, {.port = 0}};  // 0: any free port; see local_endpoint()
    server.mount("/events", tidings::sse::service{bus});
    server.mount("/ws", tidings::websocket::service{bus});
    server.mount("/topics", tidings::rest::service{bus});
    server.start();

    bus.publish("orders.42.created", {"com.acme.order.created", "/shop", {{"total", 99}}});
    // [/first_server]
    const auto received = std::make_shared<tidings::test::recorder>();
    const auto origin = "http://127.0.0.1:" + std::to_string(server.local_endpoint().port);
    // [client]
    tidings::sse::client client{io, {.url = origin + "/events", .topics = {"orders.>"}}, received};
    client.start();
    // [/client]
    REQUIRE(tidings::test::run_io_until(io, [&] { return server.connections() == 1; }));
    while (received->count() == 0) {
        bus.publish("orders.43.created", {"com.acme.order.created", "/shop", {{"total", 7}}});
        REQUIRE(io.run_one() != 0);
    }
    CHECK(received->events().front()->topic() == "orders.43.created");
}

TEST_CASE("the guide's authenticator and authorizer keep users apart", "[guide]") {
    net::io_context io;
    tidings::bus bus{io};
    tidings::http::server server{io};
    // [access]
    server.mount("/events", tidings::sse::service{bus,
                                                  {.authenticator = by_session(),
                                                   .authorizer = own_topics(),
                                                   .allowed_origins = {"https://app.example"}}});
    // [/access]
    tidings::error_code ec;
    const auto alice = by_session()({.cookie = "session=1"}, ec);
    REQUIRE_FALSE(ec);
    const auto may = own_topics();
    CHECK(may(alice, tidings::action::subscribe, "users.alice.>"));
    CHECK_FALSE(may(alice, tidings::action::subscribe, "users.bob.>"));
    CHECK_FALSE(may(alice, tidings::action::subscribe, "users.>"));
    CHECK_FALSE(may(alice, tidings::action::publish, "users.alice.name"));
    CHECK_FALSE(may({.name = ">", .anonymous = false}, tidings::action::subscribe, "users.>.>"));
    CHECK_FALSE(may({}, tidings::action::subscribe, "users.>"));
    by_session()({}, ec);
    CHECK(ec == tidings::errc::unauthorized);
}

TEST_CASE("the guide's database decides later, and its users are asked again", "[guide]") {
    net::io_context io;
    tidings::bus bus{io};
    tidings::http::server server{io};
    session_database sessions;
    tidings::sse::service events{bus, {.authenticator = by_database(sessions)}};
    const auto user = std::make_shared<std::string>();
    const auto finish = [user](tidings::error_code ec, const tidings::principal& p) {
        *user = ec ? ec.message() : p.name;
    };
    const auto ask = [&](std::string_view cookie) {
        by_database(sessions).ask(tidings::owned_credentials({.cookie = cookie}),
                                  {io.get_executor(), nullptr, finish});
        io.restart();
        io.run();
        return *user;
    };
    CHECK(ask("session=1") == "alice");
    CHECK(ask("") == make_error_code(tidings::errc::unauthorized).message());
    bool cut = false;
    // [recheck]
    events.async_recheck([](const tidings::principal& p) { return p.name == "alice"; },
                         [&](tidings::error_code) { cut = true; });
    // [/recheck]
    io.restart();
    io.run();
    CHECK(cut);
}

TEST_CASE("the guide's shutdown lets run return, and nothing is lost", "[guide]") {
    net::io_context io;
    tidings::bus bus{io};
    tidings::http::server server{io};
    tidings::webhook::sender sender{io};
    server.start();
    int handled = 0;
    auto watch = bus.subscribe("orders", [&](const tidings::event_ptr&) { ++handled; });
    bus.publish("orders", {"order.created", "/shop"});
    std::vector<tidings::error_code> ended;
    const auto log_if = [&](tidings::error_code ec) { ended.push_back(ec); };
    // [drain]
    bus.async_drain([&](tidings::error_code ec) {
        log_if(ec);  // errc::timed_out: something was still busy
        server.async_drain([&](tidings::error_code cut) {
            log_if(cut);
            sender.async_drain(log_if);
        });
    });
    io.run();
    // [/drain]
    CHECK(ended == std::vector<tidings::error_code>(3));
    CHECK(handled == 1);
    CHECK(bus.publish("orders", {"order.created", "/shop"}).error == tidings::errc::shutting_down);
}

TEST_CASE("the guide's drain by signal takes its handles in any order", "[guide]") {
    net::io_context io;
    tidings::bus bus{io};
    tidings::http::server server{io};
    tidings::webhook::sender sender{io};
    server.start();
    bool ended = false;
    net::co_spawn(io, handle_orders(bus.receive("orders.>")),
                  [&](std::exception_ptr) { ended = true; });
    // [drain_on_signal]
    tidings::drain_on_signal(io, bus, server, sender);
    // [/drain_on_signal]
    bus.publish("orders.1", {"order.created", "/shop"});
    io.poll();
    std::raise(SIGTERM);
    io.restart();
    io.run();
    CHECK(ended);
}

TEST_CASE("the guide's reader resumes after what it has handled", "[guide]") {
    net::io_context io;
    // [resume]
    tidings::bus bus{io, {.history = {.max_events = 10'000}}};
    bus.publish("orders.1", {"order.created", "/shop"});
    const tidings::position handled = bus.head();  // in a program: stored with what was done
    bus.publish("orders.2", {"order.created", "/shop"});

    std::vector<std::string> seen;
    auto watch = bus.subscribe("orders.>",
                               [&](const tidings::event_ptr& e) { seen.emplace_back(e->topic()); },
                               {.after = handled});
    // [/resume]
    io.run();
    CHECK(seen == std::vector<std::string>{"orders.2"});
}

TEST_CASE("the guide's reader gets what is left behind a gap", "[guide]") {
    net::io_context io;
    tidings::error_code ec;
    const auto handled = tidings::position::parse("before-the-restart:7", ec);
    tidings::bus bus{io, {.history = {.max_events = 10'000}}};
    bus.publish("orders.1", {"order.created", "/shop"});
    std::vector<std::string> seen;
    // [after_gap]
    auto watch = bus.subscribe("orders.>",
                               [&](const tidings::event_ptr& e) { seen.emplace_back(e->topic()); },
                               {.after = handled, .after_gap = tidings::after_gap::held});
    // [/after_gap]
    io.run();
    CHECK(seen == std::vector<std::string>{"tidings.gap", "orders.1"});
}

TEST_CASE("the guide's bridge stores what it may resume from", "[guide]") {
    net::io_context io;
    tidings::bus shop{io, {.history = {.max_events = 100}}};
    tidings::http::server server{io, {.port = 0}};
    server.mount("/ws", tidings::websocket::service{shop});
    server.start();
    shop.publish("orders.1", {"order.created", "/shop"});
    shop.publish("orders.2", {"order.created", "/shop"});
    const auto url = "ws://127.0.0.1:" + std::to_string(server.local_endpoint().port) + "/ws";
    tidings::bus bus{io, {.history = {.max_events = 100}}};
    const tidings::position stored;  // nothing yet: all that is held
    tidings::position saved;
    const auto save = [&](const tidings::position& p) { saved = p; };
    // [checkpoint]
    tidings::websocket::client client{
        io, {.url = url, .topics = {"orders.>"}, .after = stored}, bus};
    client.start();
    // every few seconds, and when the program ends:
    save(client.last_position());
    // [/checkpoint]
    CHECK(saved.empty());
    std::vector<std::string> handled;
    const auto handle = [&](const tidings::event_ptr& e) { handled.emplace_back(e->topic()); };
    // [handled]
    auto watch = bus.subscribe("orders.>", [&](const tidings::event_ptr& e) {
        handle(e);
        if (e->info().inlet() == client.id()) save(e->info().remote_position());
    });
    // [/handled]
    REQUIRE(tidings::test::run_io_until(
        io, [&] { return handled.size() == 2 && client.last_position() == shop.head(); },
        std::chrono::seconds(60)));
    CHECK(saved == shop.head());
    client.stop();
}

TEST_CASE("the guide's coroutine ends with its bus", "[guide]") {
    net::io_context io;
    std::optional<tidings::bus> bus(std::in_place, io);
    bool ended = false;
    net::co_spawn(io, handle_orders(bus->receive("orders.>")),
                  [&](std::exception_ptr) { ended = true; });
    bus->publish("orders.1", {"order.created", "/shop"});
    io.poll();
    bus.reset();
    io.restart();
    io.run();
    CHECK(ended);
}

TEST_CASE("the guide's bus says what it does", "[guide]") {
    net::io_context io;
    std::string log;
    // [watching]
    tidings::bus bus{io};
    auto billing = bus.subscribe("orders.*.paid", [](const tidings::event_ptr&) {});
    log += to_string(bus.explain("orders.42.paid"));

    const auto tap = bus.tap([&](const tidings::tapped_publication& p) {
        log += std::string(p.topic) + ": matched " + std::to_string(p.receipt.matched) + '\n';
    });
    bus.publish("orders.42.paid", {"com.acme.order.paid", "/shop"});
    // [/watching]
    CHECK(log ==
          "orders.42.paid: 1 of 1 subscriptions match; not kept\n"
          "  orders.*.paid: callback, matched 0\n"
          "orders.42.paid: matched 1\n");
}

TEST_CASE("the guide's tests of one's own code", "[guide]") {
    // [recorder]
    net::io_context io;
    tidings::bus bus{io};
    const auto seen = std::make_shared<tidings::test::recorder>();
    auto watch = bus.subscribe("orders.>", seen);

    bus.publish("orders.42.created", {"com.acme.order.created", "/shop", {{"total", 99}}});

    REQUIRE(seen->wait_for(1, io));
    CHECK(seen->events().front()->json()["total"] == 99);
    // [/recorder]

    // [webhook]
    tidings::test::sink_server target{io};
    tidings::webhook::sender sender{io, {.guard = {.allow_loopback = true, .schemes = {"http"}}}};
    auto hook = bus.subscribe("orders.>", sender.endpoint({.url = target.url(),
                                                           .secret = "whsec_MfKQ9r8GKYqrTwjUPD8I"
                                                                     "LPZIo2LaLaSw"}));
    bus.publish("orders.43.created", {"com.acme.order.created", "/shop"});
    REQUIRE(tidings::test::run_io_until(io, [&] { return !target.requests.empty(); }));
    CHECK(target.requests.front().fields.get("ce-type") == "com.acme.order.created");
    // [/webhook]
}
