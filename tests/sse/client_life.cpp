// SPDX-License-Identifier: BSL-1.0
// How the SSE client stops and goes, and what it brings over cuts from one bus to another.
#include "support/sse_client_bed.hpp"

namespace tidings::test {

using ready = connection_state;
using state = sse_client_bed::state;

TEST_CASE("An SSE client stops in whatever it is doing, and calls nobody once it is destroyed",
          "[sse]") {
    const bool destroyed = GENERATE(false, true);
    const std::string when =
        GENERATE("unborn", "connecting", "asking", "redirected", "waiting", "open", "stopped");
    CAPTURE(when, destroyed);
    sse_client_bed bed;
    int calls = 0;
    auto o = bed.client_options();
    o.on_comment = [&](const auto&) { ++calls; };
    o.on_retry = [&](auto) { ++calls; };
    if (when == "connecting") bed.sim().set_link({.connect = sim_link::on_connect::hang});
    if (when == "unborn") {
        bed.client.emplace(bed.io().get_executor(), std::move(o), bed.seen);
        bed.client->start();
    } else {
        bed.start(std::move(o));
    }
    if (when == "redirected") {
        bed.sim().set_link({.connect = sim_link::on_connect::hang});
        bed.answer("HTTP/1.1 301 There\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n");
    }
    if (when == "open" || when == "waiting" || when == "stopped") bed.open();
    if (when == "waiting") bed.cut();
    if (when == "stopped") {
        bed.client->stop();
        bed.run();
    }
    const auto states = bed.states.size();
    if (when == "open") bed.peer().send(":x\nretry: 1\ndata: x\n\n");
    if (destroyed)
        bed.client.reset();
    else
        bed.client->stop();
    bed.advance(1min);
    if (destroyed) {
        CHECK(calls == 0);
        CHECK(bed.messages.empty());
        CHECK(bed.states.size() == states);
    } else {
        CHECK(bed.last_state() == state{ready::stopped, errc::closed});
        CHECK(bed.client->state() == ready::stopped);
    }
    CHECK(bed.server.peers.size() <= 1);
    for (const auto& p : bed.server.peers) CHECK_FALSE(p->open());
    bed.seen->clear();
}

TEST_CASE("An SSE client may be destroyed by its own callbacks", "[sse]") {
    const std::string where =
        GENERATE("connecting", "open", "message", "comment", "retry", "waiting");
    CAPTURE(where);
    sse_client_bed bed;
    const auto act = [&](std::string_view here) {
        if (here == where) bed.client.reset();
    };
    auto o = bed.client_options();
    o.on_state = [&](ready to, auto&&...) {
        act(to == ready::connecting ? "connecting" : to == ready::open ? "open" : "waiting");
    };
    o.on_message = [&](const auto&) { return act("message"), false; };
    o.on_comment = [&](const auto&) { act("comment"); };
    o.on_retry = [&](auto) { act("retry"); };
    bed.start(std::move(o));
    if (where != "connecting") bed.open("data: x\n\n:c\nretry: 1\n\ndata: y\n\n");
    if (!bed.server.peers.empty()) bed.cut();
    bed.advance(1min);
    CHECK_FALSE(bed.client);
    CHECK(bed.server.peers.size() <= 1);
    bed.seen->clear();
}

TEST_CASE("an event that a stop kept from the sink is read again by the next client", "[sse]") {
    const bool taken = GENERATE(false, true);
    sse_client_bed bed;
    auto o = bed.client_options();
    o.on_message = [&](const sse_message& m) {
        if (m.data == "y") bed.client->stop();
        return taken;
    };
    bed.start(std::move(o));
    bed.open("id: 1\ndata: x\n\nid: 2\ndata: y\n\n");
    CHECK(bed.seen->count() == (taken ? 0 : 1));
    CHECK(bed.client->last_event_id() == (taken ? "2" : "1"));
    bed.seen->clear();
}

TEST_CASE("A callback of an SSE client that throws is logged and stops nothing", "[sse]") {
    sse_client_bed bed;
    auto o = bed.client_options();
    const auto boom = [](const auto&...) -> bool { throw std::runtime_error("a callback threw"); };
    o.on_state = boom;
    o.on_message = boom;
    o.on_comment = boom;
    o.on_retry = boom;
    bed.start(std::move(o));
    bed.open("data: x\n\n:c\nretry: 1000\n\ndata: y\n\n");
    CHECK(bed.seen->count() == 2);
    CHECK(std::count(bed.logged.begin(), bed.logged.end(), "a callback threw") == 6);
    bed.seen->clear();
}

TEST_CASE("An SSE client outlives its context in any state", "[sse]") {
    const std::string when = GENERATE("connecting", "asking", "waiting", "open");
    std::optional<sse::client> client;
    {
        sse_client_bed bed;
        auto o = bed.client_options();
        o.on_state = nullptr;
        o.on_message = nullptr;
        if (when == "connecting") bed.sim().set_link({.connect = sim_link::on_connect::hang});
        bed.start(std::move(o));
        if (when == "open" || when == "waiting") bed.open("id: 7\n\n");
        if (when == "waiting") bed.cut();
        client = std::move(bed.client);
        bed.server.peers.clear();
        bed.destroy_context();
    }
    client->stop();
    CHECK(client->last_event_id() == (when == "open" || when == "waiting" ? "7" : ""));
}

TEST_CASE("Over cuts an SSE client brings every event once", "[sse]") {
    sse_bed there;
    bus here(there.io(), {.clock = &there.clock});
    strings seen;
    const auto watch =
        here.subscribe(">", [&](const event_ptr& e) { seen.emplace_back(e->text()); });
    there.web->start();
    sse::client_options o;
    o.url = "http://127.0.0.1/events";
    o.topics = {">"};
    o.last_event_id = "";
    o.reconnect.initial = 500ms;
    o.environment = there.environment();
    sse::client client(there.io(), std::move(o), here);
    client.start();
    there.run();
    strings all;
    for (int i = 0; i < 200; ++i) {
        all.push_back(std::to_string(i));
        there.publish("a", all.back());
        if (i % 7 == 3) there.sim().reset_all();
        if (i % 5 == 1) there.advance(2s);
    }
    there.advance(30s);
    there.advance(30s);
    CHECK(seen == all);
}

TEST_CASE("A gap is told to whoever gets the events", "[sse]") {
    sse_bed there({}, {.history = {.max_events = 3}});
    const auto seen = std::make_shared<recorder>();
    there.web->start();
    sse::client_options o;
    o.url = "http://127.0.0.1/events";
    o.topics = {">"};
    o.environment = there.environment();
    sse::client client(there.io(), std::move(o), seen);
    client.start();
    there.run();
    there.publish("a", "0");
    there.sim().reset_all();
    for (int i = 1; i < 10; ++i) there.publish("a", std::to_string(i));
    there.advance(10s);
    there.publish("a", "10");
    const auto events = seen->events();
    REQUIRE(events.size() >= 3);
    CHECK(events[0]->text() == "0");
    CHECK(events[1]->topic() == gap_type);
    CHECK(events.back()->text() == "10");
    seen->clear();
}

}  // namespace tidings::test
