// SPDX-License-Identifier: BSL-1.0
// Callbacks of one executor, which share their turns.
#include "support/bus_fixture.hpp"

#include <boost/asio/bind_executor.hpp>

namespace tidings::test {

namespace {

TEST_CASE("a burst costs the callbacks of one executor one post", "[bus]") {
    bus_fixture f;
    texts seen;
    std::vector<subscription> held;
    for (int i = 0; i < 200; ++i)
        held.push_back(f.hub->subscribe(i % 2 == 0 ? "a" : "*", f.into(seen)));
    for (int i = 0; i < 3; ++i) f.publish("a", std::to_string(i));
    f.io().restart();
    CHECK(f.io().poll_one() == 1);
    CHECK(seen.size() == 600);
    CHECK(f.io().poll() == 0);
}

TEST_CASE("many calls let others run between them", "[bus]") {
    bus_fixture f;
    std::size_t calls = 0, at = 0;
    std::vector<subscription> held;
    for (int i = 0; i < 100; ++i)
        held.push_back(f.hub->subscribe("a", [&](const event_ptr&) { ++calls; }));
    for (int i = 0; i < 100; ++i) f.publish("a");
    net::post(f.io(), [&] { at = calls; });
    f.run();
    CHECK(at >= 1);
    CHECK(at <= 2000);
    CHECK(calls == 10000);
}

TEST_CASE("a callback has not taken its event before it is called", "[bus]") {
    bus_fixture f;
    texts seen, first;
    auto second = std::optional<subscription>();
    SECTION("for the bound of its queue") {
        const auto s = f.hub->subscribe("a", [&](const event_ptr& e) {
            first.push_back(show(e));
            if (e->text() == "1") f.publish("a", "2");
        });
        second = f.hub->subscribe("a", f.into(seen), {.limits = {.max_events = 1}});
        f.publish("a", "1");
        f.run();
        CHECK(first == texts{"a=1", "a=2"});
        CHECK(seen == texts{"lagged(1)", "a=2"});
        CHECK(second->counters().dropped == 1);
    }
    SECTION("nor an announcement") {
        const auto s = f.hub->subscribe("go", [&](const event_ptr&) { f.publish("a", "3"); });
        second = f.hub->subscribe("a", f.into(seen), {.limits = {.max_events = 1}});
        f.publish("go");
        f.publish("a", "1");
        f.publish("a", "2");
        f.run();
        CHECK(seen == texts{"lagged(2)", "a=3"});
    }
    SECTION("for its end") {
        const auto s = f.hub->subscribe("a", [&](const event_ptr&) {
            second->reset();
            CHECK(second->counters().discarded == 1);
        });
        second = f.hub->subscribe("a", f.into(seen));
        f.publish("a", "1");
        f.run();
        CHECK(seen.empty());
        CHECK(second->counters().delivered == 0);
    }
}

TEST_CASE("a callback is destroyed with its subscription, or after the call that is under way",
          "[bus][fault-6]") {
    bus_fixture f;
    const auto captured = std::make_shared<int>();
    auto s = f.hub->subscribe("a", [captured](const event_ptr&) {});
    SECTION("at once") {
        f.publish("a");
        s.reset();
        CHECK(captured.use_count() == 1);
    }
    SECTION("by another callback") {
        const auto other = f.hub->subscribe("b", [&](const event_ptr&) {
            s = {};
            CHECK(captured.use_count() == 1);
        });
        f.publish("b");
        f.publish("a");
        f.run();
        CHECK(captured.use_count() == 1);
    }
    SECTION("by itself") {
        s = f.hub->subscribe("a", [&, captured](const event_ptr&) {
            s.reset();
            CHECK(captured.use_count() == 2);
        });
        f.publish("a");
        f.run();
        CHECK(captured.use_count() == 1);
    }
    SECTION("where it owns its subscription") {
        struct session {
            subscription own;
        };
        auto owner = std::make_shared<session>();
        const std::weak_ptr<session> known = owner;
        owner->own = f.hub->subscribe("c", [owner](const event_ptr&) {});
        owner->own.reset();
        owner.reset();
        CHECK(known.expired());
    }
}

TEST_CASE("a callback of a bus whose context ends while it is called returns to its own", "[bus]") {
    bus_fixture f;
    net::io_context other;
    int calls = 0;
    std::vector<subscription> held;
    for (int i = 0; i < 2; ++i)
        held.push_back(f.hub->subscribe("a", net::bind_executor(other, [&](const event_ptr&) {
                                            ++calls;
                                            f.destroy_context();
                                            held.clear();
                                        })));
    f.publish("a");
    other.poll();
    CHECK(calls == 1);
}

TEST_CASE("executors beyond those that a bus remembers have turns of their own", "[bus]") {
    bus_fixture f;
    int calls = 0;
    std::vector<std::unique_ptr<net::io_context>> others;
    std::vector<subscription> held;
    for (int round = 0; round < 2; ++round)
        for (std::size_t i = 0; i < 20; ++i) {
            if (round == 0) others.push_back(std::make_unique<net::io_context>());
            held.push_back(f.hub->subscribe(
                "a", net::bind_executor(*others[i], [&](const event_ptr&) { ++calls; })));
        }
    f.publish("a");
    for (auto& each : others) each->poll();
    CHECK(calls == 40);
}

}  // namespace

}  // namespace tidings::test
