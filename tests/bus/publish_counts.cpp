// SPDX-License-Identifier: BSL-1.0
// What a publication allocates, in the executable that counts.
#include "support/allocations.hpp"
#include "support/bus_fixture.hpp"

namespace tidings::test {

namespace {

struct plain_bus : context_fixture {
    ~plain_bus() { hub.reset(); }
    std::optional<bus> hub{std::in_place, io()};
};

template <class F>
std::size_t allocations_of(F f) {
    const auto before = allocations_made.load();
    f();
    return allocations_made - before;
}

TEST_CASE("what was prepared is published without an allocation", "[bus][counts]") {
    plain_bus f;
    std::size_t calls = 0;
    std::vector<subscription> held;
    for (const auto* pattern : {"a.b", "a.*", ">"})
        held.push_back(f.hub->subscribe(pattern, immediate, [&](const event_ptr&) { ++calls; }));
    const auto topic = f.hub->topic("a.b");
    const auto e = topic.prepare(made("x"));
    topic.publish(e);
    CHECK(allocations_of([&] {
              for (int i = 0; i < 100; ++i) topic.publish(e);
          }) == 0);
    CHECK(calls == 303);
}

TEST_CASE("a new event by handle is one allocation", "[bus][counts]") {
    plain_bus f;
    std::size_t calls = 0;
    const auto s = f.hub->subscribe("a", immediate, [&](const event_ptr&) { ++calls; });
    const auto topic = f.hub->topic("a");
    topic.publish(made("x"));
    event next = made("x");
    CHECK(allocations_of([&] { topic.publish(std::move(next)); }) == 1);
    CHECK(calls == 2);
}

TEST_CASE("unsubscribing goes on when there is no memory", "[bus][counts]") {
    plain_bus f;
    std::vector<subscription> held;
    std::size_t calls = 0;
    for (int i = 0; i < 64; ++i)
        held.push_back(f.hub->subscribe("a", immediate, [&](const event_ptr&) { ++calls; }));
    for (int i = 0; i < 64; ++i)
        held.push_back(f.hub->subscribe("a.b", [&](const event_ptr&) { ++calls; }));
    const auto topic = f.hub->topic("a");
    topic.publish(made("x"));
    const auto last = std::move(held[63]);
    allocations_left = 0;
    while (held.size() > 1) {
        allocations_left = 0;  // each time anew: one that fails lets the next succeed
        held.pop_back();
    }
    allocations_left = -1;
    calls = 0;
    CHECK(topic.publish(made("y")).delivered == 2);
    CHECK(calls == 2);
    CHECK(f.hub->subscriptions() == 2);
}

}  // namespace

}  // namespace tidings::test
