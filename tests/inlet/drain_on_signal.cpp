// SPDX-License-Identifier: BSL-1.0
// What clients and inlets do while the bus that they bring events to drains.
#include "support/client_bed.hpp"

#include <tidings/drain.hpp>
#include <tidings/http/server.hpp>
#include <tidings/rest/service.hpp>
#include <tidings/webhook/receiver.hpp>
#include <tidings/webhook/sender.hpp>

#include <boost/asio/bind_executor.hpp>

#include <csignal>

namespace tidings::test {

namespace {

using errors = std::vector<error_code>;
using drain_order = std::vector<std::weak_ptr<drainable>>;

/// A bus that drains as long as `work` has not been asked for its next event.
struct busy_bus {
    explicit busy_bus(http_bed& bed)
        : hub(bed.io(), {.history = {.max_events = 100},
                         .log = [this](const log_record& r) { refused.push_back(r.error); },
                         .clock = &bed.clock}),
          work(hub.receive("work")) {
        hub.publish("work", event("t", "/s"));
    }
    void finish(http_bed& bed) {
        work.async_receive(net::bind_executor(bed.io(), [](error_code, event_ptr) {}));
        work.async_receive(net::bind_executor(bed.io(), [](error_code, event_ptr) {}));
        bed.run();
        for (int i = 0; i < 3; ++i) bed.advance(50ms);
    }
    errors refused;
    bus hub;
    receiver work;
};

/// The order number `n` of three.
drain_order ordered(drain_order all, int n) {
    std::array<std::size_t, 3> at{0, 1, 2};
    for (; n != 0; --n) std::next_permutation(at.begin(), at.end());
    return {all[at[0]], all[at[1]], all[at[2]]};
}

void raise_for(http_bed& bed, drain_order all) {
    detail::drain_on_signal(bed.io().get_executor(), std::move(all), [] { FAIL("stopped"); });
    bed.run();
    std::raise(SIGTERM);
    bed.run();
}

}  // namespace

TEST_CASE("what comes while the bus drains stays in its client's window, and the client goes on",
          "[inlet][drain][fault-1]") {
    const int order = GENERATE(range(0, 6));
    with_each_client([&](auto& bed) {
        using bed_type = std::remove_reference_t<decltype(bed)>;
        using kind = typename bed_type::kind;
        busy_bus b(bed);
        webhook::sender sender(bed.io(), {.environment = bed.environment()});
        bed.start(b.hub.as_subscriber());
        bed.open(1);
        CHECK(bed.position() == "e:1");
        raise_for(
            bed,
            ordered({b.hub.drain_state(), bed.client->drain_state(), sender.drain_state()}, order));
        bed.send(kind::more(2, 3));
        bed.advance(1s);
        CHECK(bed.ended.empty());
        CHECK(b.refused.size() > 1);  // it was tried again
        CHECK(b.refused.front() == errc::shutting_down);
        b.finish(bed);
        if (bed_type::is_websocket) {
            CHECK(bed.ended.empty());  // the peer has not closed
            bed.send(server_close(1000));
        }
        bed.cut();
        CHECK(bed.ended.size() == 1);
        CHECK(b.work.error() == errc::closed);
        // It is not accepted, and comes again to the client that follows.
        CHECK(bed.position() == "e:1");
        CHECK(bed.client->counters().received == 3);
        CHECK(bed.client->counters().accepted == 1);
        CHECK(bed.client->counters().refused == 0);
        bed.server.stop();
        bed.server.peers.clear();
        bed.run();
        CHECK(bed.io().stopped());
    });
}

TEST_CASE("a client whose events a draining bus refuses still sends what the bus gives it",
          "[inlet][drain][fault-1]") {
    const int order = GENERATE(range(0, 6));
    client_bed<websocket_kind> bed;
    busy_bus b(bed);
    webhook::sender sender(bed.io(), {.environment = bed.environment()});
    bed.make(b.hub.as_subscriber(), bed.client_options());
    const auto out = b.hub.subscribe("out", *bed.client);
    bed.run_client();
    bed.open(1);
    raise_for(bed, ordered({bed.client->drain_state(), sender.drain_state(), b.hub.drain_state()},
                           order));
    bed.send(websocket_kind::more(2, 3));
    b.hub.publish("out", event("t", "/s", "the last word"));
    bed.run();
    CHECK(bed.ended.empty());
    b.finish(bed);
    CHECK(out.error() == errc::closed);
    const auto sent = frames_of(bed.peer().received(), websocket_role::server);
    CHECK(show_events(sent) == strings{"out=the last word"});
    CHECK(close_code_of(sent) == 1000);
    bed.send(server_close(1000));
    bed.cut();
    CHECK(bed.ended == errors{errc::closed});
}

TEST_CASE("a bus that has drained is shutting down, and one that is gone is closed",
          "[bus][drain][fault-1]") {
    http_bed bed;
    std::optional<bus> hub(std::in_place, bed.io(), bus_options{.clock = &bed.clock});
    const auto as_subscriber = hub->as_subscriber();
    const auto to = hub->topic("a");
    error_code ec;
    const auto e = publication::make("a", event("t", "/s"), {}, ec);
    const auto asked = [&] {
        std::optional<error_code> answer;
        as_subscriber->async_deliver(
            e, net::bind_executor(bed.io(), [&](error_code why, outcome) { answer = why; }));
        bed.run();
        return answer.value();
    };
    CHECK_FALSE(asked());
    hub->drain_state()->start_refusing();
    CHECK(asked() == errc::shutting_down);
    CHECK(as_subscriber->deliver(e) == outcome::dropped);
    CHECK_FALSE(to.publish(event("t", "/s")).error);
    errors drained;
    hub->async_drain(note_in(bed, drained));
    for (int i = 0; i < 3; ++i) bed.advance(50ms);
    REQUIRE(drained == errors(1));
    CHECK(asked() == errc::shutting_down);
    CHECK(as_subscriber->deliver(e) == outcome::dropped);
    CHECK(to.publish(event("t", "/s")).error == errc::shutting_down);
    hub.reset();
    CHECK(asked() == errc::closed);
    CHECK(as_subscriber->deliver(e) == outcome::closed);
    CHECK(to.publish(event("t", "/s")).error == errc::closed);
}

TEST_CASE("what peers bring to a bus that drains is refused for a while",
          "[inlet][drain][fault-1]") {
    websocket_bed bed({.authorizer = allow_all()});
    bed.web->mount("/topics", rest::service(*bed.hub));
    bed.web->mount("/in", webhook::receiver(*bed.hub, {.allow_unsigned = true,
                                                       .topic = topic_rule::literal("a"),
                                                       .environment = bed.environment()}));
    const auto peer = bed.open("/ws?topic=nothing");
    bed.hub->drain_state()->start_refusing();
    const auto post = [&](std::string_view target) {
        return bed.ask(
            "POST " + std::string(target) +
            " HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nwebhook-id: 1\r\n"
            "Content-Length: 1\r\nConnection: close\r\n\r\nx");
    };
    for (const auto* target : {"/topics/a", "/in"}) {
        const auto answer = post(target);
        CAPTURE(answer);
        CHECK(answer.starts_with("HTTP/1.1 503 "));
        CHECK(answer.find("Retry-After: 1\r\n") != std::string::npos);
        CHECK(answer.find("shutting down") != std::string::npos);
    }
    peer->take();
    peer->send(client_text(cloud_event("1", "a")));
    bed.run();
    const auto answered = frames_of(peer->received());
    REQUIRE(answered.size() == 1);
    CHECK(answered[0].payload.find("tidings.refused") != std::string::npos);
    CHECK(answered[0].payload.find("shutting down") != std::string::npos);
    CHECK(peer->open());
}

}  // namespace tidings::test
