// SPDX-License-Identifier: BSL-1.0
#include "support/bus_fixture.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <array>

// Handles, bus and context go in every order, with work under way.

namespace tidings::test {

namespace {

/// Counts itself; every callback and handler holds one.
struct counted {
    static inline int live = 0;
    counted() { ++live; }
    counted(const counted&) { ++live; }
    counted(counted&&) noexcept { ++live; }
    counted& operator=(const counted&) = default;
    ~counted() { --live; }
};

/// One subscription of every kind, with something pending at each.
struct busy_bus {
    explicit busy_bus(context_fixture& f) {
        const auto strand = net::make_strand(f.io());
        hub.emplace(f.io(), bus_options{.history = {.max_events = 100}, .clock = &f.clock()});
        const auto ignore = [c = counted()](const event_ptr&) {};
        const subscribe_options waiting{.limits = {.max_events = 1},
                                        .overflow = overflow::backpressure};
        const subscribe_options resumed{.after = position(), .limits = {.max_events = 1}};
        for (int i = 0; i < 3; ++i) hub->publish("a", made("before"));
        subs.push_back(hub->subscribe("a", ignore));
        subs.push_back(hub->subscribe("a", immediate, ignore));
        subs.push_back(hub->subscribe("a", net::bind_executor(strand, ignore), waiting));
        subs.push_back(hub->subscribe("a", net::bind_executor(strand, ignore), resumed));
        subs.push_back(hub->subscribe("a", std::make_shared<recording_subscriber>()));
        subs.push_back(hub->subscribe("a", std::make_shared<recording_subscriber>(), resumed));
        subs.push_back(hub->subscribe("a..", ignore));
        receivers.push_back(hub->receive("a", waiting));
        receivers.push_back(hub->receive("a", resumed));
        receivers.push_back(hub->receive("none"));
    }
    void start_operations(context_fixture& f) {
        hub->publish("a", made("x"));
        for (int i = 0; i < 2; ++i)
            hub->async_publish("a", made("y"), [c = counted()](error_code, receipt) {});
        receivers[2].async_receive(net::bind_executor(net::make_strand(f.io()),
                                                      [c = counted()](error_code, event_ptr) {}));
        receivers[2].async_receive_batch(2, [c = counted()](error_code, std::vector<event_ptr>) {});
        subs[0].async_reset([c = counted()](error_code) {});
    }

    std::optional<bus> hub;
    std::vector<subscription> subs;
    std::vector<receiver> receivers;
};

TEST_CASE("context, bus, subscriptions and receivers may go in any order", "[bus][lifetime]") {
    // 0: nothing was run; 1: all was run before; 2: all was run, and then more was started.
    const int progress = GENERATE(0, 1, 2);
    std::array<int, 4> order{0, 1, 2, 3};
    do {
        INFO("progress " << progress << ", order " << order[0] << order[1] << order[2] << order[3]);
        {
            context_fixture f;
            std::optional<busy_bus> b(std::in_place, f);
            b->start_operations(f);
            if (progress > 0) f.run();
            if (progress > 1) b->start_operations(f);
            for (const int what : order) {
                if (what == 0) f.destroy_context();
                if (what == 1) b->hub.reset();
                if (what == 2) b->subs.clear();
                if (what == 3) b->receivers.clear();
            }
            b.reset();
        }
        CHECK(counted::live == 0);
        std::next_permutation(order.begin(), order.end());
    } while (order != std::array<int, 4>{0, 1, 2, 3});
}

TEST_CASE("after the context has stopped handles still close, and nothing is left",
          "[bus][lifetime]") {
    {
        context_fixture f;
        busy_bus b(f);
        b.start_operations(f);
        f.io().stop();
        b.subs.clear();
        CHECK(b.hub->publish("a", made("z")).error == error_code());
        b.hub.reset();
        b.receivers.clear();
    }
    CHECK(counted::live == 0);
}

TEST_CASE("a bus whose context is gone says that it is closed", "[bus][lifetime]") {
    context_fixture f;
    texts seen;
    bus hub(f.io(), {.history = {.max_events = 10}, .clock = &f.clock()});
    auto inside = hub.subscribe("a", immediate, [&](const event_ptr&) { seen.push_back("a"); });
    auto held = hub.receive("a");
    auto s = std::make_shared<recording_subscriber>();
    auto plain = hub.subscribe("a", s);
    hub.publish("a", made("x"));
    CHECK(seen.size() == 1);
    f.destroy_context();
    CHECK(inside.error() == errc::closed);
    CHECK(held.error() == errc::closed);
    CHECK_FALSE(held.try_receive());
    CHECK(plain.error() == errc::closed);
    CHECK(hub.subscriptions() == 0);
    CHECK(hub.publish("a", made("x")).error == errc::closed);
    CHECK(hub.subscribe("a", immediate, [](const event_ptr&) {}).error() == errc::closed);
    inside.reset();
    plain.reset();
    CHECK(seen.size() == 1);
    CHECK(s->ended.empty());
}

TEST_CASE("a callback on a context that goes before the bus's is ended", "[bus][lifetime]") {
    bus_fixture f;
    auto other = std::make_unique<net::io_context>();
    int calls = 0;
    auto s = f.hub->subscribe(
        "a", net::bind_executor(net::make_strand(*other), [&](const event_ptr&) { ++calls; }));
    f.publish("a");
    other.reset();
    CHECK(s.error() == errc::closed);
    CHECK(s.counters().discarded == 1);
    CHECK(f.publish("a").matched == 0);
    f.run();
    CHECK(calls == 0);
}

TEST_CASE("async_publish that waits for room completes when the callback's context goes",
          "[bus][lifetime]") {
    bus_fixture f;
    auto other = std::make_unique<net::io_context>();
    const auto s =
        f.hub->subscribe("a", net::bind_executor(*other, [](const event_ptr&) { FAIL("called"); }),
                         {.limits = {.max_events = 1}, .overflow = overflow::backpressure});
    f.publish("a", "1");
    std::vector<receipt> ends;
    f.hub->async_publish("a", made("2"), [&](error_code ec, receipt r) {
        CHECK_FALSE(ec);
        ends.push_back(std::move(r));
    });
    f.run();
    CHECK(ends.empty());
    CHECK(f.clock().next_deadline());
    other.reset();
    CHECK(ends.empty());
    f.run();
    REQUIRE(ends.size() == 1);
    CHECK(ends[0].matched == 0);
    CHECK(f.clock().next_deadline() == std::nullopt);
}

TEST_CASE("what is built from a bus keeps its state, and knows that it is closed",
          "[bus][lifetime]") {
    bus_fixture f({.max_events = 10});
    texts seen;
    f.publish("a", "x");
    auto s = f.hub->subscribe("a", f.into(seen), {.after = position()});
    auto end = f.hub->as_subscriber();
    f.hub.reset();
    f.run();
    CHECK(s.error() == errc::closed);
    CHECK(seen.empty());
    CHECK(end->deliver(make_lagged_event(1)) == outcome::closed);
}

TEST_CASE("a bus is moved, and assigned over another", "[bus][lifetime]") {
    bus_fixture f;
    texts seen;
    const auto s = f.hub->subscribe("a", f.into(seen));
    bus moved(std::move(*f.hub));
    moved.publish("a", made("1"));
    f.run();
    CHECK(seen == texts{"a=1"});
    bus other(f.io(), {.clock = &f.clock()});
    const auto t = other.subscribe("a", f.into(seen));
    other = std::move(moved);
    CHECK(t.error() == errc::closed);
    CHECK(s.active());
    other.publish("a", made("2"));
    f.run();
    CHECK(seen == texts{"a=1", "a=2"});
}

TEST_CASE("assigning a subscription ends the one it held", "[bus][lifetime]") {
    bus_fixture f;
    texts seen;
    auto s = f.hub->subscribe("a", f.into(seen));
    s = f.hub->subscribe("b", f.into(seen));
    CHECK(f.publish("a").matched == 0);
    CHECK(f.publish("b").matched == 1);
    f.run();
    s = {};
    CHECK(f.publish("b").matched == 0);
    CHECK(s.error() == errc::closed);
    CHECK(s.counters().matched == 0);
}

TEST_CASE("a rule of the history that is no pattern is refused when the bus is made",
          "[bus][lifetime]") {
    net::io_context io;
    CHECK_THROWS_AS(bus(io, {.history = {.rules = {{.pattern = "a.>.b", .max_events = 1}}}}),
                    std::invalid_argument);
}

}  // namespace

}  // namespace tidings::test
