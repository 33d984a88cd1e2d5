// SPDX-License-Identifier: BSL-1.0
#include <tidings/tap.hpp>

#include <stdexcept>

#include "support/bus_fixture.hpp"

namespace tidings::test {

namespace {

// What a tap saw: `topic=text matched/delivered`, or `topic: why it was refused`.
struct seen {
    std::vector<std::string> lines;
    void operator()(const tapped_publication& p) {
        auto line = std::string(p.topic);
        if (p.receipt.error)
            line += ": " + p.receipt.error.message();
        else
            line += '=' + std::string(p.event->text()) + ' ' + std::to_string(p.receipt.matched) +
                    '/' + std::to_string(p.receipt.delivered);
        lines.push_back(std::move(line));
    }
};

std::string refused(std::string topic, errc why) {
    return topic + ": " + make_error_code(why).message();
}

}  // namespace

TEST_CASE("a tap sees every publication and its receipt, however it came", "[tap]") {
    context_fixture f;
    bus hub(f.io());
    const auto s = hub.subscribe("a.*", immediate, [](const event_ptr&) {});
    const auto handle = hub.topic("a.b");
    const auto prepared = handle.prepare(made("prepared"));
    CHECK(handle.publish(prepared).delivered == 1);  // its route is known before there is a tap
    seen all;
    auto t = hub.tap([&](const tapped_publication& p) { all(p); });
    CHECK(handle.publish(prepared).delivered == 1);
    hub.publish("a.c", made("text"));
    hub.publish("nobody", made("text"));
    handle.publish(made("handle"));
    hub.async_publish("a.d", made("async"), [](error_code, const receipt&) {});
    hub.as_subscriber()->deliver(prepared);
    f.run();
    CHECK(all.lines == texts{"a.b=prepared 1/1", "a.c=text 1/1", "nobody=text 0/0",
                             "a.b=handle 1/1", "a.d=async 1/1", "a.b=prepared 1/1"});
    t.reset();
    CHECK(handle.publish(prepared).delivered == 1);
    hub.publish("a.c", made("text"));
    CHECK(all.lines.size() == 6);
}

TEST_CASE("a tap sees what a history commits, with its position", "[tap]") {
    context_fixture f;
    bus hub(f.io(), {.history = {.max_events = 4}});
    std::vector<std::optional<position>> positions;
    const auto t =
        hub.tap([&](const tapped_publication& p) { positions.push_back(p.receipt.position); });
    const auto r = hub.publish("a", made("text"));
    REQUIRE(positions.size() == 1);
    CHECK(positions[0].has_value());
    CHECK(positions[0] == r.position);
}

TEST_CASE("a tap sees refusals and why", "[tap]") {
    context_fixture f;
    seen all;
    SECTION("of a topic and of an event") {
        bus hub(f.io());
        const auto t = hub.tap([&](const tapped_publication& p) {
            CHECK(p.event == nullptr);
            all(p);
        });
        hub.publish("a.*", made("text"));
        hub.publish("tidings.gap", made("text"));
        hub.publish("a", event("tidings.x", "/s", "text"));
        CHECK(all.lines == texts{refused("a.*", errc::bad_topic),
                                 refused("tidings.gap", errc::reserved_topic),
                                 refused("a", errc::event_reserved_type)});
    }
    SECTION("of publications that are nested too deep") {
        bus hub(f.io());
        const auto s = hub.subscribe("a", immediate,
                                     [&](const event_ptr&) { hub.publish("a", made("inner")); });
        std::size_t count = 0;
        const auto t = hub.tap([&](const tapped_publication& p) {
            ++count;
            if (p.receipt.error == errc::hop_limit) all(p);
        });
        hub.publish("a", made("outer"));
        CHECK(all.lines == texts{refused("a", errc::hop_limit)});
        CHECK(count == 17);
    }
    SECTION("of a bus that has drained") {
        bus hub(f.io(), {.clock = &f.clock()});
        const auto t = hub.tap([&](const tapped_publication& p) { all(p); });
        hub.async_drain([](error_code) {});
        f.run();
        f.advance(std::chrono::milliseconds(50));
        CHECK(hub.publish("a", made("text")).error == errc::shutting_down);
        CHECK(all.lines == texts{refused("a", errc::shutting_down)});
    }
}

TEST_CASE("a tap may throw, publish, end itself and the bus", "[tap]") {
    context_fixture f;
    auto hub = std::make_optional<bus>(f.io());
    std::size_t calls = 0;
    SECTION("throw") {
        const auto t = hub->tap([&](const tapped_publication&) {
            ++calls;
            throw std::runtime_error("tap");
        });
        hub->publish("a", made("text"));
        CHECK(calls == 1);
    }
    SECTION("publish: that is not shown") {
        const auto t = hub->tap([&](const tapped_publication&) {
            ++calls;
            hub->publish("b", made("text"));
        });
        hub->publish("a", made("text"));
        CHECK(calls == 1);
    }
    SECTION("end itself, beside another") {
        std::size_t others = 0;
        tap t;
        t = hub->tap([&](const tapped_publication&) {
            ++calls;
            t.reset();
        });
        const auto other = hub->tap([&](const tapped_publication&) { ++others; });
        hub->publish("a", made("text"));
        hub->publish("a", made("text"));
        CHECK(calls == 1);
        CHECK(others == 2);
    }
    SECTION("end the bus") {
        const auto t = hub->tap([&](const tapped_publication&) {
            ++calls;
            hub.reset();
        });
        hub->publish("a", made("text"));
        CHECK(calls == 1);
        CHECK_FALSE(hub);
    }
    SECTION("of a bus that was moved from it sees nothing") {
        const bus moved = std::move(*hub);
        const auto t = hub->tap([&](const tapped_publication&) { ++calls; });
        hub->publish("a", made("text"));
        CHECK(calls == 0);
    }
}

TEST_CASE("metrics count publications by pattern", "[tap]") {
    context_fixture f;
    const auto metrics = std::make_shared<counting_metrics>();
    bus hub(f.io(), {.metrics = metrics, .metric_patterns = {"orders.>", "*.paid"}});
    const auto s = hub.subscribe("orders.>", immediate, [](const event_ptr&) {});
    const auto c = hub.subscribe("orders.>", [](const event_ptr&) {},
                                 {.limits = {.max_events = 1}, .overflow = overflow::drop_newest});
    hub.publish("orders.paid", made("text"));
    hub.publish("orders.paid", made("text"));
    hub.publish("invoices.paid", made("text"));
    hub.publish("invoices.sent", made("text"));
    CHECK(metrics->value("topic_events pattern=orders.>") == 2);
    CHECK(metrics->value("topic_deliveries pattern=orders.>") == 3);
    CHECK(metrics->value("topic_drops pattern=orders.>") == 1);
    CHECK(metrics->value("topic_events pattern=*.paid") == 3);
    CHECK(metrics->value("events_published") == 4);
    f.run();
}

TEST_CASE("patterns of metrics are checked, and are few", "[tap]") {
    context_fixture f;
    const auto make = [&](std::vector<std::string> patterns) {
        const bus hub(f.io(), {.metric_patterns = std::move(patterns)});
    };
    CHECK_NOTHROW(make(std::vector<std::string>(64, "a.>")));
    CHECK_THROWS_AS(make(std::vector<std::string>(65, "a.>")), std::invalid_argument);
    CHECK_THROWS_AS(make({"a..b"}), std::invalid_argument);
}

}  // namespace tidings::test
