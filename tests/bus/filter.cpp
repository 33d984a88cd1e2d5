// SPDX-License-Identifier: BSL-1.0
#include "support/resume_bed.hpp"

#include <boost/asio/detached.hpp>

// Filters by attribute, for every way to take events.

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

const auto wanted = event_filter::exact("type", "wanted");

/// `a=1`, of the type that is wanted or of another.
void publish(bus& b, std::string_view topic, int number, bool is_wanted) {
    const auto text = std::to_string(number);
    b.publish(topic, event(is_wanted ? "wanted" : "other", "/test", text));
}

/// What is subscribed, by each way to take events.
struct filtered {
    std::string name;
    std::function<void(bus&, subscribe_options)> start;
    std::function<texts()> seen;
    std::function<subscription_counters()> counters;
    bool exact_receipt;  // `publish` knows what it takes
};

std::vector<filtered> every_way() {
    std::vector<filtered> all;
    {
        auto seen = std::make_shared<texts>();
        auto s = std::make_shared<subscription>();
        all.push_back({"callback",
                       [=](bus& b, subscribe_options o) {
                           *s = b.subscribe(
                               ">", [seen](const event_ptr& e) { seen->push_back(show(e)); },
                               std::move(o));
                       },
                       [=] { return *seen; }, [=] { return s->counters(); }, true});
    }
    {
        auto r = std::make_shared<receiver>();
        auto seen = std::make_shared<texts>();
        all.push_back({"receiver",
                       [=](bus& b, subscribe_options o) { *r = b.receive(">", std::move(o)); },
                       [=] {
                           while (auto e = r->try_receive()) seen->push_back(show(*e));
                           return *seen;
                       },
                       [=] { return r->counters(); }, true});
    }
    {
        auto target = std::make_shared<recording_subscriber>();
        auto s = std::make_shared<subscription>();
        all.push_back(
            {"subscriber",
             [=](bus& b, subscribe_options o) { *s = b.subscribe(">", target, std::move(o)); },
             [=] { return target->seen; }, [=] { return s->counters(); }, false});
    }
    return all;
}

TEST_CASE("only events that the filter wants are delivered and counted", "[bus][filter]") {
    for (auto& way : every_way()) {
        INFO(way.name);
        bus_fixture f;
        way.start(*f.hub, {.filter = wanted});
        for (int i = 1; i <= 6; ++i) publish(*f.hub, "a", i, i % 3 == 0);
        f.run();
        CHECK(way.seen() == texts{"a=3", "a=6"});
        const auto c = way.counters();
        CHECK(c.matched == 2);
        CHECK(c.delivered == 2);
        CHECK(c.dropped + c.discarded + c.failed == 0);
        way = {};
    }
}

TEST_CASE("a receipt counts what a queue takes, async_publish what any subscription does",
          "[bus][filter]") {
    for (auto& way : every_way()) {
        INFO(way.name);
        bus_fixture f;
        way.start(*f.hub, {.filter = wanted});
        CHECK(f.hub->publish("a", event("wanted", "/test")).matched == 1);
        CHECK(f.hub->publish("a", event("other", "/test")).matched == (way.exact_receipt ? 0 : 1));
        for (const auto* type : {"wanted", "other"}) {
            std::optional<receipt> got;
            f.hub->async_publish("a", event(type, "/test"),
                                 [&](error_code, const receipt& r) { got = r; });
            f.run();
            REQUIRE(got);
            CHECK(got->matched == (std::string_view(type) == "wanted" ? 1 : 0));
            CHECK_FALSE(got->error);
        }
        way = {};
    }
}

TEST_CASE("an immediate callback is not called for what its filter does not want",
          "[bus][filter]") {
    bus_fixture f;
    texts seen;
    auto all = f.hub->subscribe("a", immediate, f.into(seen));
    auto some = f.hub->subscribe("a", immediate, f.into(seen), wanted);
    const auto to = f.hub->topic("a");
    CHECK(f.hub->publish("a", event("wanted", "/test", "1")).delivered == 2);
    CHECK(f.hub->publish("a", event("other", "/test", "2")).delivered == 1);
    CHECK(to.publish(to.prepare(event("other", "/test", "3"))).matched == 1);
    CHECK(to.publish(to.prepare(event("wanted", "/test", "4"))).matched == 2);
    CHECK(seen == texts{"a=1", "a=1", "a=2", "a=3", "a=4", "a=4"});
    CHECK(all.counters().matched == 4);
    CHECK(some.counters().matched == 2);
    CHECK(some.counters().delivered == 2);
    some.reset();
    CHECK(some.counters().matched == 2);
}

TEST_CASE("a filtered callback that throws is counted as failed", "[bus][filter]") {
    bus_fixture f;
    auto s = f.hub->subscribe(
        "a", immediate, [](const event_ptr&) { throw 1; }, wanted);
    publish(*f.hub, "a", 1, true);
    publish(*f.hub, "a", 2, false);
    CHECK(s.counters().matched == 1);
    CHECK(s.counters().failed == 1);
    CHECK(s.counters().delivered == 0);
}

TEST_CASE("a filtered callback may publish, and end its own subscription", "[bus][filter]") {
    bus_fixture f;
    texts seen;
    subscription s;
    s = f.hub->subscribe(
        "a", immediate,
        [&](const event_ptr& e) {
            seen.push_back(show(e));
            if (seen.size() == 1) {
                publish(*f.hub, "a", 2, false);
                publish(*f.hub, "a", 3, true);
            } else {
                s.reset();
            }
        },
        wanted);
    publish(*f.hub, "a", 1, true);
    publish(*f.hub, "a", 4, true);
    CHECK(seen == texts{"a=1", "a=3"});
    CHECK(s.counters().matched == 2);
}

TEST_CASE("what is resumed is filtered, too, and goes on past what is not wanted",
          "[bus][filter]") {
    const bool later = GENERATE(false, true);
    for (auto& way : every_way()) {
        INFO(way.name << (later ? ", committed later" : ""));
        resume_bed f(later);
        for (int i = 1; i <= 200; ++i) publish(*f.hub, "a", i, i % 100 == 0);
        f.settle();
        way.start(*f.hub, {.after = position(), .filter = wanted});
        f.settle();
        for (int i = 201; i <= 300; ++i) publish(*f.hub, "a", i, i % 100 == 0);
        f.settle();
        f.settle();
        CHECK(way.seen() == texts{"a=100", "a=200", "a=300"});
        CHECK(way.counters().matched == 3);
        way = {};
    }
}

TEST_CASE("a gap is announced whatever the filter wants", "[bus][filter]") {
    for (auto& way : every_way()) {
        INFO(way.name);
        resume_bed f(false, 2);
        const auto before = f.head();
        for (int i = 1; i <= 4; ++i) publish(*f.hub, "a", i, false);
        way.start(*f.hub, {.after = before, .filter = wanted});
        f.settle();
        publish(*f.hub, "a", 5, true);
        f.settle();
        CHECK(way.seen() == texts{"gap", "a=5"});
        way = {};
    }
}

TEST_CASE("a feed's cursor moves past what its filter does not want, live and replaying",
          "[bus][filter]") {
    const bool later = GENERATE(false, true);
    resume_bed f(later);
    const auto sink = std::make_shared<slow_sink>();
    const auto feed = f.feed_into(sink, {.patterns = {"a"}, .filter = wanted});
    publish(*f.hub, "a", 1, false);
    f.settle();
    CHECK(feed->cursor() == f.head());
    sink->room = 0;  // it falls behind
    for (int i = 2; i <= 9; ++i) publish(*f.hub, "a", i, i == 5);
    f.settle();
    CHECK(sink->seen.empty());
    sink->room = 1;
    feed->pump();
    f.settle();
    CHECK(sink->seen == texts{"a=5"});
    sink->room = 1;
    feed->pump();
    f.settle();
    CHECK(feed->live());
    CHECK(feed->cursor() == f.head());
    feed->stop();
}

TEST_CASE("a loss signal passes every filter", "[bus][filter]") {
    bus_fixture f;
    for (auto& way : every_way()) {
        INFO(way.name);
        way.start(*f.hub, {.filter = wanted});
        f.hub->as_subscriber()->deliver(make_gap_event({}));
        f.run();
        CHECK(way.seen() == texts{"gap"});
        way = {};
    }
    texts seen;
    auto s = f.hub->subscribe("a", immediate, f.into(seen), wanted);
    f.hub->as_subscriber()->deliver(make_gap_event({}));
    CHECK(seen == texts{"gap"});
}

TEST_CASE("what a filter keeps out waits for no room and drops nothing", "[bus][filter]") {
    bus_fixture f;
    auto r = f.hub->receive(
        "a", {.limits = {.max_events = 1}, .overflow = overflow::backpressure, .filter = wanted});
    publish(*f.hub, "a", 1, true);
    bool done = false;
    f.hub->async_publish("a", event("other", "/test"), [&](error_code ec, const receipt& got) {
        done = true;
        CHECK_FALSE(ec);
        CHECK(got.matched == 0);
    });
    f.run();
    CHECK(done);
    CHECK(show(r.try_receive().value()) == "a=1");
    CHECK_FALSE(r.try_receive());
    CHECK(r.counters().dropped == 0);
}

TEST_CASE("a malformed filter refuses the subscription, and says why", "[bus][filter]") {
    bus_fixture f;
    const auto bad = event_filter::exact("Type", "x");
    const auto ignore = [](const event_ptr&) {};
    CHECK(f.hub->subscribe("a", ignore, {.filter = bad}).error() == errc::bad_filter);
    CHECK(f.hub->subscribe("a", immediate, ignore, bad).error() == errc::bad_filter);
    CHECK(f.hub->receive("a", {.after = position(), .filter = bad}).error() == errc::bad_filter);
    CHECK(f.hub->subscriptions() == 0);
}

}  // namespace

}  // namespace tidings::test
