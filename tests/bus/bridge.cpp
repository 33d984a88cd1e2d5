// SPDX-License-Identifier: BSL-1.0
#include "support/bus_fixture.hpp"

// Buses that are subscribers of one another.

namespace tidings::test {

namespace {

struct node {
    explicit node(context_fixture& f, history_options history = {})
        : hub(f.io(), {.history = std::move(history),
                       .log = [this](const log_record& r) { refused.push_back(r.error); },
                       .metrics = metrics,
                       .clock = &f.clock()}),
          watch(hub.subscribe(">", [this](const event_ptr& e) {
              seen.push_back(show(e));
              hops.push_back(e->info().hops);
          })) {}

    std::shared_ptr<counting_metrics> metrics = std::make_shared<counting_metrics>();
    std::vector<error_code> refused;
    bus hub;
    texts seen;
    std::vector<unsigned> hops;
    subscription watch;
};

TEST_CASE("two buses bridged both ways deliver each event once", "[bus][bridge]") {
    context_fixture f;
    const bool kept = GENERATE(false, true);
    node a(f, {.max_events = kept ? 100u : 0u});
    node b(f, {.max_events = kept ? 100u : 0u});
    const auto there = a.hub.subscribe(">", b.hub);
    const auto back = b.hub.subscribe(">", a.hub);
    a.hub.publish("x", made("1"));
    f.run();
    b.hub.publish("x", made("2"));
    a.hub.publish("y", made("3"));
    f.run();
    CHECK(a.seen == texts{"x=1", "y=3", "x=2"});
    CHECK(a.hops == std::vector<unsigned>{0, 0, 1});
    CHECK(b.seen == texts{"x=1", "x=2", "y=3"});
    CHECK(b.hops == std::vector<unsigned>{1, 0, 1});
    CHECK(a.refused.empty());
    CHECK(b.refused.empty());
    CHECK(there.counters().delivered == 2);
    CHECK(back.counters().delivered == 1);
}

TEST_CASE("a loss that one of two bridged buses learns of, both announce once", "[bus][bridge]") {
    context_fixture f;
    node a(f, {.max_events = 100});
    node b(f, {.max_events = 100});
    const auto there = a.hub.subscribe("shared.>", b.hub);
    const auto back = b.hub.subscribe("shared.>", a.hub);
    CHECK(a.hub.as_subscriber()->deliver(make_gap_event({})) == outcome::delivered);
    f.run();
    CHECK(a.seen == texts{"gap"});
    CHECK(b.seen == texts{"gap"});
    CHECK(a.refused.empty());
    CHECK(b.refused.empty());
}

TEST_CASE("the announcement of lost events goes round a ring for sixteen hops", "[bus][bridge]") {
    context_fixture f;
    node a(f), b(f), c(f);
    const auto ab = a.hub.subscribe(">", b.hub);
    const auto bc = b.hub.subscribe(">", c.hub);
    const auto ca = c.hub.subscribe(">", a.hub);
    a.hub.as_subscriber()->deliver(make_gap_event({}));
    f.run();
    CHECK(a.hops == std::vector<unsigned>{0, 3, 6, 9, 12, 15});
    CHECK(c.refused == std::vector<error_code>{errc::hop_limit});
}

TEST_CASE("a subscriber of a bus that resumes from another gets its gap", "[bus][bridge]") {
    context_fixture f;
    node a(f, {.max_events = 2});
    node b(f);
    a.hub.publish("x", made("1"));
    const auto after = a.hub.head();
    for (int i = 0; i < 5; ++i) a.hub.publish("x", made("more"));
    texts told;
    const auto s = b.hub.subscribe("x", [&](const event_ptr& e) { told.push_back(show(e)); });
    const auto bridge = a.hub.subscribe("x", b.hub, {.after = after});
    f.run();
    CHECK(told == texts{"gap"});
}

TEST_CASE("a bridge by patterns carries only what matches", "[bus][bridge]") {
    context_fixture f;
    node a(f);
    node b(f);
    const auto bridge = a.hub.subscribe("shared.>", b.hub);
    a.hub.publish("shared.1", made(""));
    a.hub.publish("own.1", made(""));
    f.run();
    CHECK(b.seen == texts{"shared.1="});
}

TEST_CASE("the same content crosses a bridge without being copied", "[bus][bridge]") {
    context_fixture f;
    node a(f);
    node b(f);
    const auto bridge = a.hub.subscribe(">", b.hub);
    std::vector<event_ptr> got;
    const auto in_a = a.hub.subscribe("x", [&](const event_ptr& e) { got.push_back(e); });
    const auto in_b = b.hub.subscribe("x", [&](const event_ptr& e) { got.push_back(e); });
    a.hub.publish("x", made("1"));
    f.run();
    REQUIRE(got.size() == 2);
    CHECK(got[0] != got[1]);
    CHECK(&got[0]->event() == &got[1]->event());
    CHECK(got[0]->id() == got[1]->id());
}

TEST_CASE("a ring of three buses ends at sixteen hops, counted and reported", "[bus][bridge]") {
    context_fixture f;
    node a(f), b(f), c(f);
    const auto ab = a.hub.subscribe(">", b.hub);
    const auto bc = b.hub.subscribe(">", c.hub);
    const auto ca = c.hub.subscribe(">", a.hub);
    a.hub.publish("x", made("1"));
    f.run();
    CHECK(a.hops == std::vector<unsigned>{0, 3, 6, 9, 12, 15});
    CHECK(b.hops == std::vector<unsigned>{1, 4, 7, 10, 13, 16});
    CHECK(c.hops == std::vector<unsigned>{2, 5, 8, 11, 14});
    CHECK(c.refused == std::vector<error_code>{errc::hop_limit});
    CHECK(c.metrics->value("events_refused") == 1);
    CHECK(bc.counters().dropped == 1);
    CHECK(bc.counters().delivered == 5);
}

TEST_CASE("async_publish waits for the far end of a bridge", "[bus][bridge]") {
    context_fixture f;
    node a(f);
    bus far(f.io(), {.clock = &f.clock()});
    const auto bridge = a.hub.subscribe(">", far);
    auto room = far.receive(">", {.limits = {.max_events = 1}, .overflow = overflow::backpressure});
    std::vector<receipt> ends;
    const auto publish = [&] {
        a.hub.async_publish("x", made("1"), [&](error_code ec, receipt r) {
            CHECK_FALSE(ec);
            ends.push_back(std::move(r));
        });
        f.run();
    };
    publish();
    CHECK(ends.size() == 1);
    publish();
    CHECK(ends.size() == 1);
    CHECK(room.try_receive());
    f.run();
    REQUIRE(ends.size() == 2);
    CHECK(ends[1].matched == 2);  // the watch, and the far bus
    CHECK(ends[1].delivered == 1);
    CHECK(room.try_receive());
}

TEST_CASE("a bridge ends when its far bus is closed", "[bus][bridge]") {
    context_fixture f;
    node a(f);
    std::optional<bus> far(std::in_place, f.io(), bus_options{.clock = &f.clock()});
    const auto bridge = a.hub.subscribe(">", *far);
    a.hub.publish("x", made("1"));
    f.run();
    CHECK(bridge.counters().delivered == 1);
    far.reset();
    a.hub.publish("x", made("2"));
    a.hub.publish("x", made("3"));
    f.run();
    CHECK(bridge.error() == errc::closed);
    CHECK(bridge.counters().matched == 1);
    CHECK(a.seen.size() == 3);
}

}  // namespace

}  // namespace tidings::test
