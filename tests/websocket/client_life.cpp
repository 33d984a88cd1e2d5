// SPDX-License-Identifier: BSL-1.0
// The WebSocket client as an outlet and with a bus at both ends; how it stops, and goes.
#include "support/websocket_client_bed.hpp"

#include <boost/asio/error.hpp>

namespace tidings::test {

using kind = connection_state;

namespace {

event_ptr some_event(std::string_view topic = "a.x") {
    error_code ec;
    return publication::make(topic, event("t", "/s", "x"), {}, ec);
}

}  // namespace

TEST_CASE("A client sends what is delivered to it, while it is connected", "[websocket]") {
    websocket_client_bed bed;
    bed.start();
    const auto outlet = bed.client->as_subscriber();
    CHECK(outlet->deliver(some_event()) == outcome::dropped);
    bed.accept();
    CHECK(outlet->deliver(some_event()) == outcome::queued);
    CHECK(outlet->deliver(make_lagged_event(3)) == outcome::delivered);
    bed.run();
    CHECK(show_events(bed.sent()) == strings{"a.x=x"});
    bed.peer().close();
    bed.run();
    CHECK(outlet->deliver(some_event()) == outcome::dropped);
    bed.client->stop();
    bed.run();
    CHECK(outlet->deliver(some_event()) == outcome::closed);
}

TEST_CASE("What a client did not send it announces to nobody but its publisher", "[websocket]") {
    websocket_client_bed bed;
    auto o = bed.client_options();
    o.limits.max_bytes = 1000;
    bed.start(std::move(o));
    bed.accept();
    bed.peer().stop_reading();
    bed.sim().silence_all();
    const auto outlet = bed.client->as_subscriber();
    std::size_t dropped = 0;
    for (int i = 0; i < 20; ++i)
        if (outlet->deliver(some_event()) == outcome::dropped) ++dropped;
    CHECK(dropped > 10);
    bed.run();
}

TEST_CASE("Stopping closes with 1000 and waits for the answer", "[websocket]") {
    websocket_client_bed bed;
    bed.start();
    bed.accept();
    bed.client->stop();
    bed.client->stop();
    bed.run();
    CHECK(close_code_of(bed.sent()) == 1000);
    CHECK(bed.last_state().to == kind::open);
    SECTION("that comes") {
        bed.peer().send(server_close(1000));
        bed.run();
        bed.peer().close();
        bed.run();
        CHECK(bed.last_state() == websocket_client_bed::state{kind::stopped, {}});
    }
    SECTION("that does not come") {
        bed.advance(5100ms);
        CHECK(bed.last_state() == websocket_client_bed::state{kind::stopped, errc::timed_out});
    }
    bed.advance(1h);
    CHECK(bed.server.peers.size() == 1);
}

TEST_CASE("a client leaves the end of the TCP connection to the server, for a while",
          "[websocket][fault-7]") {
    websocket_client_bed bed;
    bed.start();
    bed.accept();
    const bool asked = GENERATE(true, false);
    if (asked) bed.client->connection()->close(4000, "enough");
    bed.peer().send(server_close(1001));
    bed.run();
    CHECK(close_code_of(bed.sent()) == (asked ? 4000 : 1001));
    CHECK_FALSE(bed.peer().ended());
    bed.advance(4900ms);
    CHECK_FALSE(bed.peer().ended());
    CHECK(bed.last_state().to == kind::open);
    SECTION("that the server ends") {
        bed.peer().close();
        bed.run();
    }
    SECTION("that the client ends when the server does not") {
        bed.advance(200ms);
        CHECK(bed.peer().ended() == net::error::eof);
    }
    CHECK(bed.last_state().to == kind::waiting);
    bed.client->stop();
    bed.run();
}

TEST_CASE("A client stops in whatever it is doing, and calls nobody once it is destroyed",
          "[websocket]") {
    const bool destroyed = GENERATE(false, true);
    const std::string when =
        GENERATE("unborn", "connecting", "handshaking", "waiting", "open", "closing", "stopped");
    CAPTURE(when, destroyed);
    websocket_client_bed bed;
    int calls = 0;
    auto o = bed.client_options();
    o.hooks.on_message = [&](const auto&, const auto&) { return ++calls, false; };
    o.hooks.on_ping = [&](const auto&, auto) { ++calls; };
    o.hooks.on_close = [&](const auto&, const auto&) { ++calls; };
    if (when == "connecting") bed.sim().set_link({.connect = sim_link::on_connect::hang});
    if (when == "unborn") {
        bed.client.emplace(bed.io().get_executor(), std::move(o), bed.seen);
        bed.client->start();
    } else {
        bed.start(std::move(o));
    }
    if (when != "unborn" && when != "connecting" && when != "handshaking") bed.accept();
    if (when == "waiting") bed.peer().close();
    if (when == "closing") bed.client->connection()->close();
    if (when == "stopped") bed.client->stop();
    bed.run();
    const auto states = bed.states.size();
    calls = 0;
    if (destroyed) {
        bed.client.reset();
        if (when == "open")
            bed.peer().send(server_frame(websocket_opcode::ping) + server_text("{}"));
    } else {
        bed.client->stop();
    }
    bed.advance(1min);
    if (destroyed) {
        CHECK(calls == 0);
        CHECK(bed.states.size() == states);
    } else {
        CHECK(bed.last_state().to == kind::stopped);
    }
    CHECK(bed.server.peers.size() <= 1);
}

TEST_CASE("A client may be destroyed by its own hooks", "[websocket]") {
    const std::string where =
        GENERATE("connecting", "open", "on_open", "message", "ping", "close", "waiting");
    CAPTURE(where);
    websocket_client_bed bed;
    const auto act = [&](std::string_view here) {
        if (here == where) bed.client.reset();
    };
    auto o = bed.client_options();
    o.on_state = [&](kind to, auto&&...) {
        act(to == kind::connecting ? "connecting"
            : to == kind::open     ? "open"
            : to == kind::waiting  ? "waiting"
                                   : "stopped");
    };
    o.hooks.on_open = [&](const auto&) { act("on_open"); };
    o.hooks.on_message = [&](const auto&, const auto&) { return act("message"), false; };
    o.hooks.on_ping = [&](const auto&, auto) { act("ping"); };
    o.hooks.on_close = [&](const auto&, const auto&) { act("close"); };
    bed.start(std::move(o));
    if (where != "connecting")
        bed.accept(server_text(cloud_event("1", "a.x")) + server_frame(websocket_opcode::ping));
    if (!bed.server.peers.empty()) bed.peer().close();
    bed.advance(1min);
    CHECK_FALSE(bed.client);
    CHECK(bed.server.peers.size() <= 1);
    bed.seen->clear();
}

TEST_CASE("what the hooks of a destroyed client captured is released before its connection ends",
          "[websocket][fault-22]") {
    const bool inside = GENERATE(false, true);
    auto captured = std::make_shared<int>(0);
    const std::weak_ptr<int> watched = captured;
    websocket_client_bed bed;
    auto o = bed.client_options();
    o.hooks.on_message = [&bed, inside, captured](const auto&, const auto&) {
        if (inside) bed.client.reset();
        return *captured == 0;
    };
    captured.reset();
    bed.start(std::move(o));
    bed.accept(server_text("{}"));
    if (!inside) bed.client.reset();
    bed.run();
    CHECK_FALSE(bed.peer().ended());  // the closing handshake is not answered yet
    CHECK(watched.expired());
    bed.peer().close();
    bed.run();
}

TEST_CASE("A callback that throws is logged and stops nothing", "[websocket]") {
    websocket_client_bed bed;
    auto o = bed.client_options();
    o.on_state = [](auto&&...) { throw std::runtime_error("a callback threw"); };
    bed.start(std::move(o));
    bed.accept(server_text(cloud_event("1", "a.x")));
    CHECK(bed.seen->count() == 1);
    CHECK(std::count(bed.logged.begin(), bed.logged.end(), "a callback threw") == 2);
    bed.seen->clear();
}

TEST_CASE("a server that pings without end and does not read gets few pongs, and is left",
          "[websocket]") {
    const std::string payload = GENERATE(as<std::string>(), "", std::string(125, 'p'));
    CAPTURE(payload);
    websocket_client_bed bed;
    bed.sim().set_link({.buffer_bytes = 1U << 16});
    auto o = bed.client_options();
    o.limits.max_bytes = 1U << 20;
    bed.start(std::move(o));
    bed.accept();
    const auto session = bed.client->connection();
    bed.peer().stop_reading();
    // Fills the socket, and leaves less than a block: pongs go behind it.
    CHECK_FALSE(session->send_text(std::string(100'000, '.')));
    bed.run();
    std::string pings;
    for (int i = 0; i < 1000; ++i) pings += server_frame(websocket_opcode::ping, payload);
    for (int i = 0; i < 200; ++i) {
        bed.peer().send(pings);
        bed.run();
    }
    CHECK(session->is_open());
    CHECK(session->pending_bytes() < 110'000);
    if (GENERATE(false, true)) {
        bed.peer().resume_reading();
        bed.run();
        const auto pongs = payloads_of(bed.sent(), websocket_opcode::pong).size();
        CHECK(pongs > 0);
        CHECK(pongs < 1000);
        CHECK(bed.last_state().to == kind::open);
    } else {
        bed.advance(35s);
        CHECK(bed.last_state() == websocket_client_bed::state{kind::waiting, errc::timed_out});
    }
    bed.client->stop();
    bed.run();
}

TEST_CASE("a server that answers no ping but still speaks is kept, one that is silent is left",
          "[websocket]") {
    websocket_client_bed bed;
    bed.start();
    bed.accept();
    for (int i = 0; i < 10; ++i) {
        bed.advance(20s);
        bed.peer().send(i % 2 == 0 ? server_frame(websocket_opcode::ping)
                                   : server_text(cloud_event("1", "a.x")));
        bed.run();
    }
    CHECK(bed.last_state().to == kind::open);
    CHECK(payloads_of(bed.sent(), websocket_opcode::ping).empty());
    // From the last byte on: the interval, then the time for a pong.
    bed.advance(25'100ms);
    CHECK(payloads_of(bed.sent(), websocket_opcode::ping).size() == 1);
    bed.advance(7s);
    CHECK(bed.last_state().to == kind::open);
    bed.advance(1100ms);
    CHECK(bed.last_state() == websocket_client_bed::state{kind::waiting, errc::timed_out});
    bed.seen->clear();
    bed.client->stop();
    bed.run();
}

TEST_CASE("A client outlives its context in any state", "[websocket]") {
    const std::string when = GENERATE("connecting", "handshaking", "waiting", "open", "closing");
    CAPTURE(when);
    const auto live = publication::live();
    std::optional<websocket::client> client;
    std::shared_ptr<subscriber> outlet;
    {
        websocket_client_bed bed;
        auto o = bed.client_options();
        o.on_state = nullptr;
        if (when == "connecting") bed.sim().set_link({.connect = sim_link::on_connect::hang});
        bed.start(std::move(o));
        if (when != "connecting" && when != "handshaking") bed.accept();
        if (when == "waiting") bed.peer().close();
        if (when == "closing") bed.client->connection()->close();
        bed.run();
        client = std::move(bed.client);
        outlet = client->as_subscriber();
        if (when == "open") outlet->deliver(some_event());
        bed.server.peers.clear();
        bed.destroy_context();
    }
    outlet->deliver(some_event());
    client->stop();
    client.reset();
    outlet.reset();
    CHECK(publication::live() == live);
}

TEST_CASE("Between two buses every event goes once, over cuts and restarts", "[websocket]") {
    websocket_bed there({.authorizer = allow_all()});
    bus here(there.io(), {.history = {.max_events = 1000}, .clock = &there.clock});
    strings seen_here, seen_there;
    const auto watch_here =
        here.subscribe(">", [&](const event_ptr& e) { seen_here.emplace_back(e->text()); });
    const auto watch_there =
        there.hub->subscribe(">", [&](const event_ptr& e) { seen_there.emplace_back(e->text()); });
    there.web->start();
    websocket::client_options o;
    o.url = "ws://127.0.0.1/ws";
    o.topics = {">"};
    o.environment = there.environment();
    websocket::client client(there.io(), std::move(o), here);
    client.start();
    const auto out = here.subscribe(">", client);
    there.run();
    strings all;
    for (int i = 0; i < 200; ++i) {
        all.push_back(std::to_string(i));
        there.publish("there", all.back());
        if (i % 7 == 3) there.sim().reset_all();
        if (i % 5 == 1) there.advance(300ms);
    }
    there.advance(30s);
    there.advance(30s);
    CHECK(seen_here == all);
    CHECK(seen_there == all);
    here.publish("here", event("t", "/s", "back"));
    there.advance(1s);
    CHECK(seen_there.back() == "back");
    CHECK(seen_here.back() == "back");
    CHECK(seen_here.size() == 201);
    CHECK(seen_there.size() == 201);
}

TEST_CASE("an event that is larger than a service takes is dropped, and the bridge stays",
          "[websocket][fault-8]") {
    websocket_bed there({.authorizer = allow_all(), .max_publishes_per_second = 0});
    bus here(there.io(), {.clock = &there.clock});
    std::vector<std::size_t> seen;
    const auto watch =
        there.hub->subscribe(">", [&](const event_ptr& e) { seen.push_back(e->text().size()); });
    there.web->start();
    std::string logged;
    int connects = 0;
    websocket::client_options o;
    o.url = "ws://127.0.0.1/ws?topic=nothing";
    o.environment = there.environment();
    o.on_state = [&](kind k, error_code, const diagnostics&) { connects += k == kind::open; };
    o.log = [&](const log_record& r) {
        if (r.error == errc::too_large) logged = r.message;
    };
    const bool unlimited = GENERATE(false, true);
    if (unlimited) o.max_sent_bytes = 0;
    websocket::client client(there.io(), std::move(o), std::make_shared<recorder>());
    client.start();
    const auto out = here.subscribe(">", client);
    there.run();
    const auto publish = [&](const std::string& text) {
        const auto r = here.publish("a", event("t", "/s", text));
        there.advance(2s);
        return r;
    };
    publish(std::string(40'000, 'x'));
    publish(std::string(70'000, 'x'));
    publish(std::string(15'000, '\x01'));  // six times as long in JSON
    publish("small");
    if (unlimited) {
        CHECK(connects == 3);  // what the limit is for
        return;
    }
    CHECK(connects == 1);
    CHECK(seen == std::vector<std::size_t>{40'000, 5});
    CHECK(logged.find("max_sent_bytes") != std::string::npos);
    CHECK(logged.find("max_message_bytes") != std::string::npos);
}

TEST_CASE("after stop in a hook no hook but on_close is called", "[websocket][fault-2]") {
    websocket_client_bed bed;
    strings called;
    auto o = bed.client_options();
    o.hooks.on_message = [&](const auto&, const auto&) {
        called.push_back("message");
        bed.client->stop();
        return false;
    };
    o.hooks.on_ping = [&](const auto&, auto) { called.push_back("ping"); };
    o.hooks.on_pong = [&](const auto&, auto) { called.push_back("pong"); };
    o.hooks.on_close = [&](const auto&, const auto&) { called.push_back("close"); };
    bed.start(std::move(o));
    const auto text = server_text(cloud_event("1", "a.x"));
    bed.accept(text + server_frame(websocket_opcode::ping) + server_frame(websocket_opcode::pong) +
               text + server_close(1000));
    bed.peer().close();
    bed.run();
    CHECK(called == strings{"message", "close"});
    CHECK(bed.seen->count() == 0);
    CHECK(bed.last_state().to == kind::stopped);
}

TEST_CASE("a client's state comes with its URL and the cause", "[websocket][fault-19]") {
    websocket_client_bed bed;
    std::string told;
    auto o = bed.client_options("ws://user:secret@127.0.0.1/ws?key=secret");
    o.on_state = [&](kind, error_code, const diagnostics& text) { told = text.message(); };
    const std::string url = "ws://127.0.0.1/ws: ";
    std::string cause;
    SECTION("a refusal") {
        bed.start(std::move(o));
        bed.peer().send("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
        cause = "the server answered 404 to the WebSocket handshake";
    }
    SECTION("a close") {
        bed.start(std::move(o));
        bed.accept(server_close(1001, "maintenance"));
        bed.peer().close();
        cause = "closed by the server, close code 1001: maintenance";
    }
    SECTION("a close whose reason would be a line of the log") {
        bed.start(std::move(o));
        bed.accept(server_close(1001, "x\n[error] \x1b[2J\xc2\x9b ü"));
        bed.peer().close();
        cause = "closed by the server, close code 1001: x [error]  [2J  ü";
    }
    SECTION("nobody there") {
        bed.sim().set_link({.connect = sim_link::on_connect::refuse});
        bed.start(std::move(o));
    }
    bed.run();
    CHECK(told.starts_with(url + cause));
    CHECK(told.size() > url.size());
}

}  // namespace tidings::test
