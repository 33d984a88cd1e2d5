// SPDX-License-Identifier: BSL-1.0
// What a publication allocates, in the executable that counts.
#include "support/allocations.hpp"
#include "support/bus_fixture.hpp"

#include <tidings/bus/impl/feed.hpp>

#include <thread>

namespace tidings::test {

namespace {

// A sanitizer of addresses has to see each block come and go.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool tests_addresses = true;
#elif defined(__has_feature)
constexpr bool tests_addresses = __has_feature(address_sanitizer);
#else
constexpr bool tests_addresses = false;
#endif

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

TEST_CASE("a new event by handle is one allocation, and none behind one that has gone",
          "[bus][counts]") {
    plain_bus f;
    std::size_t calls = 0;
    const auto s = f.hub->subscribe("a", immediate, [&](const event_ptr&) { ++calls; });
    const auto topic = f.hub->topic("a");
    topic.publish(made("x"));
    event next = made("x"), last = made("x");
    const auto kept = topic.prepare(made("x"));  // in the memory of the first
    CHECK(allocations_of([&] { topic.publish(std::move(next)); }) == 1);
    CHECK(allocations_of([&] { topic.publish(std::move(last)); }) == (tests_addresses ? 1 : 0));
    CHECK(calls == 3);
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

TEST_CASE("every kind of subscription ends when there is no memory", "[bus][counts]") {
    struct value {
        int number;
    };
    plain_bus f;
    const auto s = std::make_shared<recording_subscriber>();
    std::vector<subscription> held;
    for (const auto* pattern : {"a", "*", ">"}) {
        held.push_back(f.hub->subscribe(pattern, [](const event_ptr&) {}));
        held.push_back(f.hub->subscribe(pattern, s));
        held.push_back(f.hub->subscribe(pattern, [](const event_ptr&) {}, {.after = position()}));
        held.push_back(f.hub->subscribe(pattern, [](const event_ptr&) {},
                                        {.group = std::string("g") + pattern}));
        held.push_back(f.hub->respond(pattern, [](const event_ptr&) { return made("x"); }));
    }
    std::vector<tap> taps;
    std::size_t tapped = 0;
    for (int i = 0; i < 3; ++i)
        taps.push_back(f.hub->tap([&](const tapped_publication&) { ++tapped; }));
    // In a queue that is emptied: C++ values, which are released where no lock is held.
    for (int i = 0; i < 10; ++i) f.hub->publish("a", event::of("test", "/test", value{i}));
    while (!held.empty()) {
        allocations_left = 0;  // each time anew: one that fails lets the next succeed
        held.pop_back();
    }
    CHECK(tapped == 30);
    while (!taps.empty()) {
        allocations_left = 0;
        taps.pop_back();
    }
    allocations_left = -1;
    f.hub->publish("a", made("x"));
    f.run();
    CHECK(tapped == 30);
    CHECK(s->ended == std::vector<error_code>(3, errc::closed));
    CHECK(f.hub->subscriptions() == 0);
}

TEST_CASE("a thread's first publication needs no memory", "[bus][counts]") {
    plain_bus f;
    std::size_t calls = 0;
    const auto s = f.hub->subscribe("a", immediate, [&](const event_ptr&) { ++calls; });
    const auto topic = f.hub->topic("a");
    const auto e = topic.prepare(made("x"));
    topic.publish(e);
    long left = -1;
    std::thread([&] {
        allocations_left = 0;
        topic.publish(e);
        left = allocations_left.exchange(-1);
    }).join();
    CHECK(left == 0);
    CHECK(calls == 2);
}

/// The numbers of what it was given.
struct numbering_sink final : detail::feed_sink {
    bool ready() noexcept override { return true; }
    void push(const event_ptr& e) noexcept override { seen.push_back(e->sequence()); }
    void on_feed_end(error_code why) noexcept override { ended = why; }
    std::vector<std::uint64_t> seen;
    error_code ended;
};

/// A bus that has published nothing yet, so that everything needs memory, with each kind of
/// subscription.
struct fresh_bus : context_fixture {
    fresh_bus() {
        detail::feed_options o;
        o.patterns = {"a.>", "*.b.c.d"};
        feed = std::make_shared<detail::feed>(hub->state(), hub->state()->home(), sink, o);
        REQUIRE_FALSE(feed->start());
        // More lists of callbacks than stand in place.
        for (const auto* pattern : {"a.b.c.d", "*.b.c.d", "a.*.c.d", "a.b.*.d", "a.b.c.*",
                                    "*.*.c.d", "*.b.*.d", "*.b.c.*", "a.*.*.d", ">"})
            held.push_back(
                hub->subscribe(pattern, immediate, [this](const event_ptr&) { ++walked; }));
    }
    ~fresh_bus() {
        feed->stop();
        hub.reset();
    }
    std::optional<bus> hub{std::in_place, io(),
                           bus_options{.history = {.max_events = 100}, .clock = &clock()}};
    std::vector<subscription> held;
    std::size_t walked = 0, called = 0;
    std::shared_ptr<recording_subscriber> outlet = std::make_shared<recording_subscriber>();
    subscription asked = hub->subscribe("a.>", outlet);
    subscription callback = hub->subscribe("a.>", [this](const event_ptr&) { ++called; });
    std::shared_ptr<numbering_sink> sink = std::make_shared<numbering_sink>();
    std::shared_ptr<detail::feed> feed;
};

// Behind the commit nothing may be lost in silence, wherever the memory is missing.
TEST_CASE("a publication for which memory is missing is refused, or counted", "[bus][counts]") {
    const bool by_handle = GENERATE(false, true);
    std::size_t refused = 0, counted = 0;
    bool missing = true;
    for (long n = 0; missing; ++n) {
        CAPTURE(by_handle, n);
        fresh_bus f;
        auto handle = f.hub->topic("a.b.c.d");
        const auto publish = [&] {
            return by_handle ? handle.publish(made("x")) : f.hub->publish("a.b.c.d", made("x"));
        };
        const auto before = f.hub->head();
        std::vector<std::uint64_t> committed;
        std::optional<receipt> r;
        allocations_left = n;
        try {
            r = publish();
        } catch (const std::bad_alloc&) {
            r.reset();
        }
        missing = allocations_left.exchange(-1) < 0;
        std::size_t dropped_walks = 0;
        if (!r || r->error) {
            ++refused;
            CHECK(f.hub->head() == before);
        } else {
            REQUIRE(r->position);
            committed.push_back(r->position->number());
            CHECK(r->matched == r->delivered + r->queued + r->dropped);
            CHECK(r->matched == 14);
            if (r->dropped != 0) ++counted;
            if (!missing) CHECK(r->dropped == 0);
            dropped_walks = 10 - f.walked;
        }
        const auto next = publish();
        REQUIRE(next.position);
        committed.push_back(next.position->number());
        f.run();
        CHECK(f.sink->seen == committed);
        CHECK_FALSE(f.sink->ended);
        CHECK(f.walked + dropped_walks == 10 * committed.size());
        for (const auto* s : {&f.asked, &f.callback}) {
            const auto c = s->counters();
            CHECK(c.matched == committed.size());
            CHECK(c.delivered + c.dropped == committed.size());
        }
        CHECK(f.outlet->seen.size() >= f.asked.counters().delivered);
        CHECK(f.called >= f.callback.counters().delivered);
    }
    CHECK(refused != 0);
    CHECK(counted != 0);
}

}  // namespace

}  // namespace tidings::test
