// SPDX-License-Identifier: BSL-1.0
#include "support/bus_fixture.hpp"

// The bounds of a queue in the process: each policy at its last event and its last byte.

namespace tidings::test {

namespace {

texts drain(receiver& r) {
    texts seen;
    while (const auto e = r.try_receive()) seen.push_back(show(*e));
    return seen;
}

/// Publishes 1, 2, ... n under one topic each, so that conflating changes nothing.
std::vector<outcome> publish_numbers(bus_fixture& f, int n) {
    std::vector<outcome> outcomes;
    for (int i = 1; i <= n; ++i) {
        const auto r = f.publish("t." + std::to_string(i), "x");
        REQUIRE(r.matched == 1);
        outcomes.push_back(r.dropped != 0 ? outcome::dropped : outcome::queued);
    }
    return outcomes;
}

std::size_t cost_of(std::string_view topic, std::string_view text) {
    error_code ec;
    return publication::make(topic, made(text), {}, ec)->footprint();
}

const std::size_t cost = cost_of("t.1", "x");

/// The two ways to say "three events".
const queue_limits by_events{.max_bytes = 1'000'000, .max_events = 3};
const queue_limits by_bytes{.max_bytes = 3 * cost, .max_events = 1'000};
const queue_limits by_almost_a_fourth{.max_bytes = 4 * cost - 1, .max_events = 1'000};

TEST_CASE("drop_oldest keeps the newest and says before them how many are gone",
          "[bus][overflow]") {
    bus_fixture f;
    auto limits = GENERATE(by_events, by_bytes, by_almost_a_fourth);
    auto r = f.hub->receive("t.*", {.limits = limits});  // the default
    CHECK(publish_numbers(f, 3) == std::vector(3, outcome::queued));
    CHECK(drain(r) == texts{"t.1=x", "t.2=x", "t.3=x"});
    CHECK(publish_numbers(f, 5) == std::vector(5, outcome::queued));
    CHECK(r.counters().dropped == 2);
    CHECK(drain(r) == texts{"lagged(2)", "t.3=x", "t.4=x", "t.5=x"});
    CHECK(publish_numbers(f, 1) == std::vector(1, outcome::queued));
    CHECK(drain(r) == texts{"t.1=x"});
}

TEST_CASE("drop_newest refuses what does not fit and says so where it is missing",
          "[bus][overflow]") {
    bus_fixture f;
    const auto limits = GENERATE(by_events, by_bytes, by_almost_a_fourth);
    auto r = f.hub->receive("t.*", {.limits = limits, .overflow = overflow::drop_newest});
    CHECK(publish_numbers(f, 5) == std::vector{outcome::queued, outcome::queued, outcome::queued,
                                               outcome::dropped, outcome::dropped});
    CHECK(show(r.try_receive().value()) == "t.1=x");
    publish_numbers(f, 1);
    CHECK(drain(r) == texts{"t.2=x", "t.3=x", "lagged(2)", "t.1=x"});
    CHECK(r.counters().dropped == 2);
}

TEST_CASE("drop_newest says what is missing even when nothing follows", "[bus][overflow]") {
    bus_fixture f;
    auto r =
        f.hub->receive("t.*", {.limits = {.max_events = 1}, .overflow = overflow::drop_newest});
    publish_numbers(f, 2);
    CHECK(drain(r) == texts{"t.1=x", "lagged(1)"});
}

TEST_CASE("disconnect ends the subscription at the first event too many", "[bus][overflow]") {
    bus_fixture f;
    const auto limits = GENERATE(by_events, by_bytes, by_almost_a_fourth);
    texts seen;
    const auto s =
        f.hub->subscribe("t.*", f.into(seen), {.limits = limits, .overflow = overflow::disconnect});
    CHECK(publish_numbers(f, 3) == std::vector(3, outcome::queued));
    f.run();
    CHECK(seen.size() == 3);
    CHECK(publish_numbers(f, 4) ==
          std::vector{outcome::queued, outcome::queued, outcome::queued, outcome::dropped});
    // It has ended, though it is not off the bus yet.
    for (int i = 0; i < 100; ++i) CHECK(f.publish("t.5").matched == 0);
    f.io().restart();
    CHECK(f.io().poll() == 2);  // its batch, and its end
    CHECK_FALSE(s.active());
    CHECK(s.error() == errc::lagging);
    CHECK(f.hub->subscriptions() == 0);
    CHECK(f.publish("t.1").matched == 0);
    CHECK(s.counters().dropped == 1);
}

TEST_CASE("conflate keeps the latest of each topic and says how many it superseded",
          "[bus][overflow]") {
    bus_fixture f;
    auto r = f.hub->receive("*", {.overflow = overflow::conflate});
    f.publish("a", "1");
    f.publish("b", "1");
    CHECK(f.publish("a", "2").queued == 1);
    f.publish("c", "1");
    f.publish("a", "3");
    CHECK(drain(r) == texts{"lagged(2)", "b=1", "c=1", "a=3"});
    CHECK(r.counters().dropped == 2);
    f.publish("a", "4");
    CHECK(drain(r) == texts{"a=4"});
}

TEST_CASE("conflate with too many topics drops the oldest and says so", "[bus][overflow]") {
    bus_fixture f;
    const auto limits = GENERATE(by_events, by_bytes, by_almost_a_fourth);
    auto r = f.hub->receive("t.*", {.limits = limits, .overflow = overflow::conflate});
    CHECK(publish_numbers(f, 5) == std::vector(5, outcome::queued));
    CHECK(f.publish("t.4", "y").queued == 1);
    CHECK(r.counters().dropped == 3);
    CHECK(drain(r) == texts{"lagged(3)", "t.3=x", "t.5=x", "t.4=y"});
}

TEST_CASE("conflate carries the announcement over to what follows", "[bus][overflow]") {
    bus_fixture f;
    auto r = f.hub->receive("*", {.limits = {.max_events = 1}, .overflow = overflow::conflate});
    f.publish("a", "1");
    f.publish("b", "1");  // a is gone
    f.publish("b", "2");  // takes the place of the one before which it would have been said
    CHECK(drain(r) == texts{"lagged(2)", "b=2"});
}

TEST_CASE("backpressure drops the newest of what is published without waiting", "[bus][overflow]") {
    bus_fixture f;
    const auto limits = GENERATE(by_events, by_bytes, by_almost_a_fourth);
    auto r = f.hub->receive("t.*", {.limits = limits, .overflow = overflow::backpressure});
    CHECK(publish_numbers(f, 5) == std::vector{outcome::queued, outcome::queued, outcome::queued,
                                               outcome::dropped, outcome::dropped});
    CHECK(drain(r) == texts{"t.1=x", "t.2=x", "t.3=x", "lagged(2)"});
}

TEST_CASE("an empty queue takes an event of any size", "[bus][overflow]") {
    bus_fixture f;
    const auto policy = GENERATE(overflow::disconnect, overflow::drop_oldest, overflow::drop_newest,
                                 overflow::conflate, overflow::backpressure);
    auto r = f.hub->receive(">", {.limits = {.max_bytes = 1, .max_events = 1}, .overflow = policy});
    const std::string large(10'000, 'x');
    CHECK(f.publish("a", large).queued == 1);
    CHECK(show(r.try_receive().value()) == "a=" + large);
    CHECK(r.counters().dropped == 0);
}

TEST_CASE("a large event pushes out as many old ones as it needs", "[bus][overflow]") {
    bus_fixture f;
    auto r = f.hub->receive(">", {.limits = {.max_bytes = 4 * cost}});
    publish_numbers(f, 4);
    CHECK(f.publish("big", std::string(2 * cost - cost_of("big", ""), 'x')).queued == 1);
    CHECK(r.counters().dropped == 2);
    CHECK(show(r.try_receive().value()) == "lagged(2)");
    CHECK(show(r.try_receive().value()) == "t.3=x");
}

TEST_CASE("what an event carries beside its data counts for the bound", "[bus][overflow]") {
    bus_fixture f;
    auto r = f.hub->receive(">", {.limits = {.max_bytes = 10'000}});
    for (int i = 0; i < 10; ++i)
        f.hub->publish("a", made("").extension("padding", std::string(4000, 'x')));
    CHECK(r.counters().dropped == 8);
}

TEST_CASE("a slow subscriber costs a fast one nothing", "[bus][overflow]") {
    bus_fixture f;
    texts fast;
    auto slow = f.hub->receive(">", {.limits = {.max_events = 1}});
    const auto s = f.hub->subscribe(">", f.into(fast));
    for (int i = 0; i < 100; ++i) CHECK(f.publish("a", std::to_string(i)).queued == 2);
    f.run();
    CHECK(fast.size() == 100);
    CHECK(drain(slow) == texts{"lagged(99)", "a=99"});
}

/// A value whose destructor calls `f`.
std::shared_ptr<void> on_destruction(std::function<void()> f) {
    return {nullptr, [f = std::move(f)](void*) { f(); }};
}

TEST_CASE("what a full queue drops may call the bus from its destructor", "[bus][overflow]") {
    bus_fixture f;
    const auto policy = GENERATE(overflow::drop_oldest, overflow::conflate);
    auto other = f.hub->receive("b");
    auto r = f.hub->receive("a", {.limits = {.max_events = 1}, .overflow = policy});
    f.hub->publish("a", event::of("test", "/test", on_destruction([&] {
                                      f.publish("b", "from a destructor");
                                      r.reset();
                                  })));
    f.publish("a", "2");
    CHECK_FALSE(r.active());
    CHECK(drain(other) == texts{"b=from a destructor"});
}

TEST_CASE("what is discarded at the end may call the bus from its destructor", "[bus][overflow]") {
    bus_fixture f;
    auto other = f.hub->receive("b");
    auto r = f.hub->receive("a");
    f.hub->publish("a", event::of("test", "/test", on_destruction([&] {
                                      f.publish("b", std::to_string(r.counters().discarded));
                                  })));
    r.reset();
    CHECK(drain(other) == texts{"b=1"});
}

TEST_CASE("what waited for room in vain may call the bus from its destructor", "[bus][overflow]") {
    bus_fixture f;
    auto other = f.hub->receive("b");
    auto r = f.hub->receive("a", {.limits = {.max_events = 1}, .overflow = overflow::backpressure});
    f.publish("a", "1");
    f.hub->async_publish("a", event::of("test", "/test", on_destruction([&] {
                                            f.publish("b", "x");
                                            r.reset();
                                        })),
                         [](error_code, receipt) {});
    f.advance(std::chrono::seconds(6));
    CHECK_FALSE(r.active());
    CHECK(drain(other) == texts{"b=x"});
}

TEST_CASE("the announcement is a control event and is not counted", "[bus][overflow]") {
    bus_fixture f;
    auto r = f.hub->receive(">", {.limits = {.max_events = 1}});
    publish_numbers(f, 2);
    const auto e = r.try_receive().value();
    CHECK(is_control(e));
    CHECK(e->topic() == "tidings.lagged");
    CHECK(e->type() == "tidings.lagged");
    CHECK(e->text() == R"({"count":1})");
    CHECK(lagged_count(e) == 1);
    CHECK_FALSE(e->position());
    CHECK_FALSE(lagged_count(r.try_receive().value()));
    CHECK(r.counters().matched == 2);
    CHECK(r.counters().delivered == 1);
    CHECK(r.counters().dropped == 1);
}

}  // namespace

}  // namespace tidings::test
