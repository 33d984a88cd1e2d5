// SPDX-License-Identifier: BSL-1.0
// How a bus, and what stands on it, ends where memory runs out, at each allocation in turn.
#include "support/allocations.hpp"
#include "support/bus_fixture.hpp"

#include <tidings/bus/impl/feed.hpp>

namespace tidings::test {

namespace {

/// Notes how its feed ended, without an allocation.
struct ending_sink final : detail::feed_sink {
    bool ready() noexcept override { return true; }
    void push(const event_ptr&) noexcept override { ++seen; }
    void on_feed_end(error_code why) noexcept override { ended = why; }
    std::size_t seen = 0;
    error_code ended;
};

/// A bus with each kind of subscription, and feeds in two patterns and two lanes.
struct crowded_bus : context_fixture {
    crowded_bus() {
        for (const auto* pattern : {"a", "*", ">"}) {
            held.push_back(hub->subscribe(pattern, target));
            held.push_back(hub->subscribe(pattern, [](const event_ptr&) {}));
            held.push_back(hub->subscribe(pattern, immediate, [](const event_ptr&) {}));
        }
        for (const auto& home : {hub->state()->home(), other})
            for (int i = 0; i < 2; ++i) {
                sinks.push_back(std::make_shared<ending_sink>());
                feeds.push_back(
                    std::make_shared<detail::feed>(hub->state(), home, sinks.back(),
                                                   detail::feed_options{.patterns = {"a.>", "b"}}));
                REQUIRE_FALSE(feeds.back()->start());
            }
    }
    ~crowded_bus() {
        for (const auto& feed : feeds) feed->stop();
        hub.reset();
    }
    std::optional<bus> hub{std::in_place, io(), bus_options{.clock = &clock()}};
    std::shared_ptr<detail::lane> other = detail::lane::make(io().get_executor(), clock());
    std::shared_ptr<recording_subscriber> target = std::make_shared<recording_subscriber>();
    std::vector<subscription> held;
    receiver reading = hub->receive("a");
    std::vector<std::shared_ptr<ending_sink>> sinks;
    std::vector<std::shared_ptr<detail::feed>> feeds;
};

}  // namespace

TEST_CASE("a bus closes when there is no memory", "[bus][close][fault-1]") {
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 100);
        crowded_bus f;
        failed = runs_out_after(n, [&] { f.hub.reset(); });
        f.run();
        for (const auto& s : f.held) CHECK(s.error() == errc::closed);
        CHECK_FALSE(f.reading.active());
        CHECK(f.target->ended == std::vector<error_code>(3, errc::closed));
        for (const auto& sink : f.sinks) CHECK(sink->ended == errc::closed);
    }
}

TEST_CASE("a bus ends with its context when there is no memory", "[bus][close][fault-1]") {
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 100);
        crowded_bus f;
        failed = runs_out_after(n, [&] { f.destroy_context(); });
        for (const auto& s : f.held) CHECK(s.error() == errc::closed);
        CHECK_FALSE(f.reading.active());
        CHECK(f.hub->subscriptions() == f.feeds.size());
    }
}

TEST_CASE("publishers that wait for room go on when there is no memory", "[bus][fault-1]") {
    const subscribe_options one{.limits = {.max_events = 1},
                                .overflow = overflow::backpressure,
                                .backpressure_deadline = std::chrono::seconds(1)};
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 20);
        bus_fixture f;
        auto ends = f.hub->receive("a", one), stays = f.hub->receive("a", one);
        f.publish("a", "1");
        std::size_t completed = 0;
        f.hub->async_publish("a", made("2"), [&](error_code, const receipt& r) {
            ++completed;
            CHECK(r.queued == 1);
        });
        f.run();
        failed = runs_out_after(n, [&] { ends.reset(); });
        f.run();
        CHECK(completed == 0);
        CHECK(show(*stays.try_receive()) == "a=1");
        f.run();
        CHECK(completed == 1);
        CHECK(show(*stays.try_receive()) == "a=2");
        CHECK_FALSE(f.clock().next_deadline());
    }
}

TEST_CASE("a target that cannot be attached stands nowhere", "[feed][fault-1]") {
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 100);
        bus_fixture f({.max_events = 10});
        const auto sink = std::make_shared<ending_sink>();
        const auto make_feed = [&](detail::feed_options o) {
            return std::make_shared<detail::feed>(f.hub->state(), f.hub->state()->home(), sink,
                                                  std::move(o));
        };
        const auto there = make_feed({.patterns = {"a.>"}});
        REQUIRE_FALSE(there->start());
        auto added = make_feed({.patterns = {"a.>", "b", "c.*"}, .after = f.hub->head()});
        const std::weak_ptr<detail::feed> known = added;
        error_code refused;
        failed = runs_out_after(n, [&] { refused = added->start(); });
        f.run();
        const auto before = sink->seen;
        for (const auto* topic : {"a.b", "b", "c.d"}) f.publish(topic);
        f.run();
        const bool attached = f.hub->subscriptions() == 2;
        CHECK((failed || attached));
        CHECK(sink->seen - before == (attached ? 4 : 1));
        if (!attached) {
            CHECK(f.hub->subscriptions() == 1);
            added.reset();
            CHECK(known.expired());
            CHECK(f.hub->subscriptions() == 1);
        } else {
            added->stop();
        }
        there->stop();
        CHECK(f.hub->subscriptions() == 0);
        f.run();
    }
}

TEST_CASE("a subscription that cannot begin in the past stands nowhere", "[bus][fault-1]") {
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 200);
        bus_fixture f({.max_events = 10});
        const auto start = f.hub->head();
        f.publish("a", "1");
        const auto target = std::make_shared<recording_subscriber>();
        subscription s;
        failed = runs_out_after(n, [&] { s = f.hub->subscribe("a", target, {.after = start}); });
        f.publish("a", "2");
        f.run();
        CHECK(f.hub->subscriptions() == (s.active() ? 1 : 0));
        CHECK(target->seen == (s.active() ? texts{"a=1", "a=2"} : texts()));
        CHECK((failed || s.active()));
        s.reset();
        CHECK(f.hub->subscriptions() == 0);
    }
}

}  // namespace tidings::test
