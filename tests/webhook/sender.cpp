// SPDX-License-Identifier: BSL-1.0
// Deliveries from a bus to endpoints: signed, retried, spared, given up.
#include "support/webhook_bed.hpp"

#include <tidings/control_event.hpp>
#include <tidings/crypto/impl/sha256.hpp>
#include <tidings/event_json.hpp>
#include <tidings/test/faulty_outbox.hpp>
#include <tidings/webhook/standard_verifier.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using webhook::verdict;
using texts = std::vector<std::string>;

bool drained(world& w, webhook::sender& s) {
    bool done = false;
    s.drain_state()->start_drain([&](error_code) { done = true; });
    w.run_ready();
    return done;
}

}  // namespace

TEST_CASE("an event is posted to the endpoint, signed, with its attributes", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    auto e = bed.add(target.url("/hook?key=1"), {.fields = {{"X-Mine", "yes"}}});
    bed.publish("hello", "orders.42");
    REQUIRE(target.requests.size() == 1);
    const auto& r = target.requests[0];
    CHECK(r.method == "POST");
    CHECK(r.target == "/hook?key=1");
    CHECK(r.body == "hello");
    CHECK(r.fields.get("content-type") == "text/plain; charset=utf-8");
    CHECK(r.fields.get("user-agent") == "tidings-webhook/0.1");
    CHECK(r.fields.get("x-mine") == "yes");
    // The hash of source and id, whatever sends it.
    CHECK(r.fields.get("webhook-id") == "msg_" + detail::sha256_hex("/test\nid-1"));
    CHECK(r.fields.get("webhook-timestamp") == "1767225600");
    CHECK(r.fields.get("ce-id") == "id-1");
    CHECK(r.fields.get("ce-type") == "test");
    CHECK(r.fields.get("ce-topic") == "orders.42");
    const auto find = [&](std::string_view name) { return r.fields.find(name); };
    CHECK_FALSE(webhook::standard_verifier({webhook::secret(webhook_secret)})
                    .verify(find, r.body, w.clock().wall_now()));
    CHECK(e.counters().accepted == 1);
    CHECK(e.counters().delivered == 1);
    CHECK(e.counters().failed_attempts == 0);
    REQUIRE(bed.attempts.size() == 1);
    CHECK(bed.attempts[0].result == verdict::success);
    CHECK(bed.attempts[0].status == 204);
    CHECK(bed.attempts[0].number == 1);
}

TEST_CASE("an id that cannot stand in the signature is replaced, always by the same", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    bed.add(target.url());
    for (const auto* id : {"a.b", "a.b", "a c", "\xc3\xb6"}) {
        bed.hub->publish("a", event("test", "/test", "x").id(id));
        w.run_ready();
    }
    REQUIRE(target.requests.size() == 4);
    const auto id = [&](std::size_t i) { return target.requests[i].fields.get("webhook-id"); };
    CHECK(id(0).starts_with("msg_"));
    CHECK(id(0).find('.') == std::string_view::npos);
    CHECK(id(0) == id(1));
    CHECK(id(0) != id(2));
    CHECK(id(2) != id(3));
}

TEST_CASE("the publisher may wait until the outbox has the event", "[webhook]") {
    world w;
    const auto outbox = std::make_shared<faulty_outbox>();
    auto o = webhook_options(w);
    o.outbox = outbox;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    target.answer = answering({500});
    auto e = bed.add(target.url());
    std::optional<std::pair<error_code, receipt>> done;
    const auto publish = [&] {
        done.reset();
        bed.hub->async_publish("a", event("test", "/test", "x"), [&](error_code ec, receipt r) {
            done = {ec, r};
        });
        w.run_until([&] { return done.has_value(); });
    };
    publish();
    CHECK_FALSE(done->first);
    CHECK(done->second.queued == 1);
    CHECK(listed(w, *outbox).size() == 1);

    outbox->plan().fail({.operation = "append"});
    publish();
    CHECK(done->second.dropped == 1);
    CHECK(listed(w, *outbox).size() == 1);
    CHECK(e.counters().accepted == 1);
    CHECK(e.counters().dead == 1);
}

TEST_CASE("an outbox that goes on failing is logged once, until it works again", "[webhook]") {
    const auto operation = GENERATE(as<std::string>(), "claim", "finish", "open");
    CAPTURE(operation);
    world w;
    const auto outbox = std::make_shared<faulty_outbox>();
    auto o = webhook_options(w);
    o.outbox = outbox;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    const auto count = [&] {
        std::size_t lines = 0;
        for (auto at = bed.logged.find("failed: "); at != std::string::npos;
             at = bed.logged.find("failed: ", at + 1))
            ++lines;
        return lines;
    };
    const auto fail_for = [&](std::size_t times, error_code error) {
        outbox->plan().fail({.operation = operation, .times = times, .error = error});
    };
    fail_for(20, errc::store_failed);
    bed.add(target.url());
    bed.publish("1");
    for (int i = 0; i < 19; ++i) w.advance(1s);
    CHECK(count() == 1);
    for (int i = 0; i < 10; ++i) w.advance(1s);
    CHECK(bodies_of(target) == texts{"1"});
    CHECK(count() == 1);
    fail_for(5, errc::store_failed);
    if (operation == "open") bed.add(target.url("/hook?2"), {.id = "another"});
    bed.publish("2");
    for (int i = 0; i < 10; ++i) w.advance(1s);
    CHECK(count() == 2);  // it had worked meanwhile
}

TEST_CASE("an outbox that fails for a while loses nothing", "[webhook]") {
    world w;
    const auto outbox = std::make_shared<faulty_outbox>();
    auto o = webhook_options(w);
    o.outbox = outbox;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    bed.add(target.url());
    outbox->plan().fail({.operation = "claim", .times = fault::always});
    bed.publish("1");
    const auto claims = outbox->plan().operations("claim");
    w.run_ready();
    CHECK(outbox->plan().operations("claim") == claims);  // not in a circle
    CHECK(target.requests.empty());
    CHECK(bed.logged.find("claiming failed") != std::string::npos);
    outbox->plan().heal();
    outbox->plan().fail({.operation = "finish", .times = fault::always});
    w.advance(1100ms);
    CHECK(bodies_of(target) == texts{"1"});
    bed.publish("2");
    CHECK(bodies_of(target) == texts{"1", "2"});
    CHECK(listed(w, *outbox).size() == 2);
    outbox->plan().heal();
    w.advance(1100ms);
    CHECK(listed(w, *outbox).empty());
    CHECK(target.requests.size() == 2);
}

TEST_CASE("control events, and events without a wire form, are not delivered", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    auto e = bed.add(target.url());
    CHECK(e.as_subscriber()->deliver(make_lagged_event(3)) == outcome::delivered);
    bed.hub->publish("a", event::of("test", "/test", 7));
    w.run_ready();
    CHECK(target.requests.empty());
    CHECK(bed.hooks[0].counters().dropped == 1);
}

TEST_CASE("events go structured where that is wanted", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    bed.add(target.url(), {.form = webhook::body_form::structured});
    bed.publish("hello");
    REQUIRE(target.requests.size() == 1);
    const auto& r = target.requests[0];
    CHECK(r.fields.get("content-type").starts_with("application/cloudevents+json"));
    CHECK_FALSE(r.fields.find("ce-id"));
    const auto json = nlohmann::json::parse(r.body);
    CHECK(json.at("data") == "hello");
    CHECK(json.at("topic") == "a");
}

TEST_CASE("attributes that no header holds go structured, whatever the form", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    bed.add(target.url());
    event e("test", "/test", "hello");
    e.id("1");
    SECTION("one that is large") {
        e.extension("note", std::string(8000, 'n'));
    }
    SECTION("one whose text is encoded") {
        e.extension("note", std::string(2700, '"'));
    }
    SECTION("many") {
        for (int i = 0; i < 100; ++i) e.extension("note" + std::to_string(i), i);
    }
    SECTION("the type of the data") {
        e.data("hello", "text/" + std::string(8000, 'x'));
    }
    bed.hub->publish("a", e);
    w.run_ready();
    REQUIRE(bed.attempts.size() == 1);
    CHECK(bed.attempts[0].status == 204);
    REQUIRE(target.requests.size() == 1);
    const auto& r = target.requests[0];
    CHECK(r.fields.get("content-type") == "application/cloudevents+json; charset=utf-8");
    CHECK_FALSE(r.fields.find("ce-id"));
    const auto json = nlohmann::json::parse(r.body);
    CHECK(json.at("data") == "hello");
    CHECK(json.at("id") == "1");
}

TEST_CASE("attributes stand in the header as long as there is room", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    std::string url = target.url();
    webhook::endpoint_options o;
    std::size_t room = 6500;
    SECTION("beside nothing") {}
    SECTION("beside the endpoint's own fields") {
        o.fields.set("X-Key", std::string(4000, 'k'));
        room = 2500;
    }
    SECTION("beside a long URL") {
        url += '?' + std::string(4000, 'q');
        room = 2500;
    }
    bed.add(url, o);
    for (const auto size : {room, std::size_t(8192)}) {
        bed.hub->publish("a",
                         event("test", "/test", "x").extension("note", std::string(size, 'n')));
        w.run_ready();
    }
    REQUIRE(target.requests.size() == 2);
    CHECK(target.requests[0].fields.find("ce-note"));
    CHECK_FALSE(target.requests[1].fields.find("ce-note"));
    for (const auto& a : bed.attempts) CHECK(a.status == 204);
}

TEST_CASE("a log names no path or query of a target", "[webhook]") {
    world w;
    send_bed bed(w);
    bed.add("http://127.0.0.1:9/private?token=hunter2");
    bed.publish();
    CHECK(bed.logged.find("http://127.0.0.1:9: ") != std::string::npos);
    CHECK(bed.logged.find("private") == std::string::npos);
    CHECK(bed.logged.find("hunter2") == std::string::npos);
}

TEST_CASE("a drain makes what is due, takes nothing new and leaves what is due later",
          "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    std::vector<http::exchange> held;
    target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    auto e = bed.add(target.url());
    for (int i = 0; i < 20; ++i) bed.hub->publish("a", event("test", "/test", "x"));
    w.run_ready();
    bool done = false;
    bed.sender->drain_state()->start_drain([&](error_code) { done = true; });
    w.run_ready();
    CHECK(e.as_subscriber()->deliver(make_lagged_event(1)) == outcome::closed);
    error_code ec;
    bed.sender->endpoint({.url = target.url(), .secret = webhook_secret}, ec);
    CHECK(ec == errc::closed);
    for (int i = 0; !held.empty(); ++i) {
        CHECK_FALSE(done);
        auto x = std::move(held.back());
        held.pop_back();
        x.respond({.status = i == 0 ? 500U : 204U});
        w.run_ready();
    }
    CHECK(done);
    CHECK(target.requests.size() == 20);
    w.advance(1h);
    CHECK(target.requests.size() == 20);
    CHECK(drained(w, *bed.sender));  // a second time, at once
}

TEST_CASE("a drain with nothing to do ends at once", "[webhook]") {
    world w;
    send_bed bed(w);
    CHECK(drained(w, *bed.sender));
}

TEST_CASE("a drain waits no longer than its timeout", "[webhook]") {
    world w;
    auto o = webhook_options(w);
    o.drain_timeout = 3s;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    std::vector<http::exchange> held;
    target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    bed.add(target.url());
    bed.add(target.url("/hook?key=secret"), {.id = "second"});
    bed.publish();
    bed.hooks[0] = {};
    for (int i = 0; i < 2; ++i) bed.publish();
    bool done = false;
    bed.sender->drain_state()->start_drain([&](error_code) { done = true; });
    w.advance(2s);
    CHECK_FALSE(done);
    w.advance(1100ms);
    CHECK(done);
    CHECK(bed.sender->in_flight() == 0);
    // The endpoints are named, without what a URL has of secrets.
    const auto origin = target.url().substr(0, target.url().rfind('/'));
    CAPTURE(bed.logged);
    CHECK(bed.logged.find("at least 4 deliveries are still owed: 3 to second at " + origin +
                          ", 1 to " + origin + ": ") != std::string::npos);
    CHECK(bed.logged.find("secret") == std::string::npos);
    held.clear();
}

TEST_CASE("a sender that is destroyed stops, and completes its pending drains", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    std::vector<http::exchange> held;
    target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    auto e = bed.add(target.url());
    bed.publish();
    bool done = false;
    bed.sender->drain_state()->start_drain([&](error_code) { done = true; });
    w.run_ready();
    CHECK_FALSE(done);
    bed.sender.reset();
    w.run_ready();
    CHECK(done);
    CHECK(e.as_subscriber()->deliver({}) == outcome::closed);
    held.clear();
    w.run_ready();
}

TEST_CASE("sender, bus, endpoint and target end at any moment, in any order", "[webhook]") {
    std::vector<int> order{0, 1, 2, 3};
    do {
        for (int steps = 0; steps < 80; ++steps) {
            CAPTURE(order, steps);
            world w;
            send_bed bed(w);
            std::optional<world_sink> target(std::in_place, w);
            target->answer = answering({500, 429, 410});
            bed.add(target->url("/hook?a"));
            bed.add(target->url("/hook?b"));
            for (int i = 0; i < 3; ++i) bed.hub->publish("a", event("test", "/test", "x"));
            int done = 0;
            while (done < steps && (w.io().poll_one() != 0 || w.clock().advance_to_next())) {
                if (w.io().stopped()) w.io().restart();
                ++done;
            }
            for (const int which : order) {
                if (which == 0) bed.hub.reset();
                if (which == 1) bed.sender.reset();
                if (which == 2) bed.hooks.clear();
                if (which == 3) target.reset();
            }
        }
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("the context may end while deliveries are under way", "[webhook]") {
    for (int steps = 0; steps < 80; ++steps) {
        CAPTURE(steps);
        world w;
        send_bed bed(w);
        world_sink target(w);
        target.answer = answering({500});
        auto e = bed.add(target.url());
        for (int i = 0; i < 3; ++i) bed.hub->publish("a", event("test", "/test", "x"));
        for (int i = 0; i < steps; ++i) w.io().poll_one();
        w.destroy_context();
        CHECK(e.as_subscriber()->deliver(make_lagged_event(1)) == outcome::delivered);
    }
}

TEST_CASE("a callback of the sender may end it", "[webhook]") {
    world w;
    std::optional<webhook::sender> sender;
    auto o = webhook_options(w);
    o.on_attempt = [&](const webhook::attempt&) { sender.reset(); };
    sender.emplace(w.io(), std::move(o));
    bus hub(w.io());
    world_sink target(w);
    const auto hook =
        hub.subscribe(">", sender->endpoint({.url = target.url(), .secret = webhook_secret}));
    hub.publish("a", event("test", "/test", "x"));
    hub.publish("a", event("test", "/test", "x"));
    w.run_ready();
    CHECK_FALSE(sender);
    CHECK(target.requests.size() <= 2);
}

TEST_CASE("deliveries are made on real sockets", "[webhook]") {
    world w(transport::tcp);
    send_bed bed(w);
    world_sink target(w);
    target.answer = answering({500, 204});
    bed.add(target.url());
    bed.publish("hello");
    w.run_until([&] { return bed.attempts.size() == 1; });
    w.clock().advance(6s);
    w.run_until([&] { return bed.attempts.size() == 2; });
    CHECK(bodies_of(target) == texts{"hello", "hello"});
}

}  // namespace tidings::test
