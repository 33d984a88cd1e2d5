// SPDX-License-Identifier: BSL-1.0
#include "support/bus_fixture.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/strand.hpp>

#include <stdexcept>

namespace tidings::test {

namespace {

TEST_CASE("a posted callback gets what matches its pattern, on the context, in order", "[bus]") {
    bus_fixture f;
    texts seen;
    const auto s = f.hub->subscribe("orders.*", f.into(seen));
    REQUIRE(s.active());

    f.publish("orders.1", "a");
    f.publish("orders.1.lines", "deeper");
    f.publish("orders", "shallower");
    f.publish("users.1", "elsewhere");
    f.publish("orders.2", "b");
    CHECK(seen.empty());

    f.run();
    CHECK(seen == texts{"orders.1=a", "orders.2=b"});
}

TEST_CASE("patterns match as their grammar says, literal, * and >", "[bus]") {
    bus_fixture f;
    texts seen;
    std::vector<subscription> held;
    for (const std::string pattern : {"a", "a.b", "*", "*.b", "a.*", ">", "a.>", "*.>", "b.>"})
        held.push_back(f.hub->subscribe(
            pattern, immediate, [&seen, pattern](const event_ptr&) { seen.push_back(pattern); }));
    const auto matched_by = [&](std::string_view topic) {
        seen.clear();
        const auto r = f.publish(topic);
        CHECK(r.matched == seen.size());
        std::sort(seen.begin(), seen.end());
        return seen;
    };
    CHECK(matched_by("a") == texts{"*", ">", "a"});
    CHECK(matched_by("a.b") == texts{"*.>", "*.b", ">", "a.*", "a.>", "a.b"});
    CHECK(matched_by("b.b") == texts{"*.>", "*.b", ">", "b.>"});
    CHECK(matched_by("a.b.c") == texts{"*.>", ">", "a.>"});
    CHECK(matched_by("c") == texts{"*", ">"});
}

TEST_CASE("what is not a pattern is refused, and the handle says so", "[bus]") {
    bus_fixture f;
    texts seen;
    for (const auto* pattern : {"", ".", "a..b", "a.", "a.>.b", "a*", "a b"}) {
        INFO(pattern);
        const auto posted = f.hub->subscribe(pattern, f.into(seen));
        CHECK_FALSE(posted.active());
        CHECK(posted.error() == errc::bad_pattern);
        CHECK(f.hub->subscribe(pattern, immediate, f.into(seen)).error() == errc::bad_pattern);
        CHECK(f.hub->receive(pattern).error() == errc::bad_pattern);
        CHECK(f.hub->subscribe(pattern, std::make_shared<recording_subscriber>()).error() ==
              errc::bad_pattern);
        CHECK(f.hub->subscribe(pattern, f.into(seen), {.after = position()}).error() ==
              errc::bad_pattern);
    }
    CHECK(f.hub->subscriptions() == 0);
}

TEST_CASE("what is not a topic, or is the library's own, is not published", "[bus]") {
    bus_fixture f({.max_events = 10});
    texts seen;
    const auto s = f.hub->subscribe(">", immediate, f.into(seen));
    for (const auto* topic : {"", "a.*", ">", "a..b", ".a"}) {
        INFO(topic);
        CHECK(f.publish(topic).error == errc::bad_topic);
    }
    CHECK(f.publish("tidings.lagged").error == errc::reserved_topic);
    CHECK(f.publish("_inbox.1").error == errc::reserved_topic);
    CHECK(f.publish("a.tidings._b").error == error_code());
    CHECK(f.hub->publish("a", event{"", "/s"}).error == errc::event_without_type);
    CHECK(f.hub->publish("a", event{"t", ""}).error == errc::event_without_source);
    CHECK(seen == texts{"a.tidings._b="});
}

TEST_CASE("the receipt counts what became of the event at each subscriber", "[bus]") {
    bus_fixture f;
    const auto nobody = f.publish("a");
    CHECK_FALSE(nobody.error);
    CHECK(nobody.matched == 0);
    CHECK_FALSE(nobody.position);

    texts seen;
    const auto now = f.hub->subscribe("a", immediate, f.into(seen));
    const auto later = f.hub->subscribe("a", f.into(seen));
    const auto small =
        f.hub->receive("a", {.limits = {.max_events = 1}, .overflow = overflow::drop_newest});
    const auto plain = f.hub->subscribe("a", std::make_shared<recording_subscriber>());
    auto r = f.publish("a");
    CHECK(r.matched == 4);
    CHECK(r.delivered == 1);
    CHECK(r.queued == 3);
    CHECK(r.dropped == 0);
    r = f.publish("a");
    CHECK(r.matched == 4);
    CHECK(r.delivered == 1);
    CHECK(r.queued == 2);
    CHECK(r.dropped == 1);
    f.run();
}

TEST_CASE("a burst costs a callback one post", "[bus]") {
    bus_fixture f;
    texts seen;
    const auto s = f.hub->subscribe(">", f.into(seen));
    for (int i = 0; i < 100; ++i) f.publish("a", std::to_string(i));
    f.io().restart();
    CHECK(f.io().poll_one() == 1);
    CHECK(seen.size() == 100);
}

TEST_CASE("a long burst lets others run between its batches", "[bus]") {
    bus_fixture f;
    texts seen;
    const auto s = f.hub->subscribe(">", f.into(seen), {.max_batch = 2});
    for (int i = 0; i < 5; ++i) f.publish("a", std::to_string(i));
    net::post(f.io(), [&] { seen.push_back("other"); });
    f.run();
    CHECK(seen == texts{"a=0", "a=1", "other", "a=2", "a=3", "a=4"});
}

TEST_CASE("a callback runs on the executor that is bound to it", "[bus]") {
    bus_fixture f;
    net::io_context other;
    int calls = 0;
    const auto s = f.hub->subscribe(
        "a", net::bind_executor(other.get_executor(), [&](const event_ptr&) { ++calls; }));
    f.publish("a");
    f.run();
    CHECK(calls == 0);
    other.poll();
    CHECK(calls == 1);
}

TEST_CASE("a callback that throws is reported, and the others still get the event", "[bus]") {
    bus_fixture f;
    texts seen;
    const auto throwing = [](const event_ptr& e) {
        if (e->text() == "number") throw 7;
        throw std::runtime_error("burnt");
    };
    const auto posted = f.hub->subscribe("a", throwing);
    const auto inside = f.hub->subscribe("a", immediate, throwing);
    const auto after = f.hub->subscribe("a", f.into(seen));
    const auto after_inside = f.hub->subscribe("a", immediate, f.into(seen));

    CHECK(f.publish("a").matched == 4);
    f.publish("a", "number");
    f.run();
    CHECK(seen == texts{"a=", "a=number", "a=", "a=number"});
    CHECK(f.logged == texts{"burnt", "a callback threw", "burnt", "a callback threw"});
    CHECK(posted.counters().failed == 2);
    CHECK(posted.counters().delivered == 0);
    CHECK(inside.counters().failed == 2);
    CHECK(posted.active());
    CHECK(inside.active());
}

TEST_CASE("the counters of a callback tell what it has seen", "[bus]") {
    bus_fixture f;
    auto s = f.hub->subscribe("a", [](const event_ptr&) {}, {.limits = {.max_events = 2}});
    for (int i = 0; i < 3; ++i) f.publish("a");
    f.run();
    CHECK(s.counters().matched == 3);
    CHECK(s.counters().delivered == 2);
    CHECK(s.counters().dropped == 1);
    f.publish("a");
    s.reset();
    CHECK(s.counters().discarded == 1);
    f.run();
    CHECK(s.counters().delivered == 2);
}

TEST_CASE("beyond max_subscriptions a subscription is refused until one has gone", "[bus]") {
    context_fixture f;
    bus hub(f.io(), {.clock = &f.clock(), .max_subscriptions = 2});
    auto first = hub.subscribe("a", [](const event_ptr&) {});
    auto second = hub.receive("a", {.after = position()});
    CHECK(second.active());
    CHECK(hub.subscriptions() == 2);
    CHECK(hub.subscribe("a", [](const event_ptr&) {}).error() == errc::too_many);
    CHECK(hub.subscribe("a", immediate, [](const event_ptr&) {}).error() == errc::too_many);
    CHECK(hub.receive("a").error() == errc::too_many);
    CHECK(hub.receive("a", {.after = position()}).error() == errc::too_many);
    second.reset();
    CHECK(hub.subscriptions() == 1);
    const auto third = hub.subscribe("a", immediate, [](const event_ptr&) {});
    CHECK(third.active());
    first.reset();
    f.run();
}

TEST_CASE("the content that is published again is shared under its new topic", "[bus]") {
    bus_fixture f;
    std::vector<event_ptr> got;
    const auto s = f.hub->subscribe(">", immediate, [&](const event_ptr& e) { got.push_back(e); });
    f.publish("a", "x");
    f.hub->publish("b", got[0]);
    f.hub->publish("c", got[1]);
    REQUIRE(got.size() == 3);
    CHECK(got[2]->topic() == "c");
    CHECK(&got[2]->event() == &got[0]->event());
    CHECK(got[2]->id() == got[0]->id());
    CHECK(f.hub->publish("tidings.x", got[0]).error == errc::reserved_topic);
    CHECK(f.hub->publish("a.*", got[0]).error == errc::bad_topic);
}

}  // namespace

}  // namespace tidings::test
