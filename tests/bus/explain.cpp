// SPDX-License-Identifier: BSL-1.0
#include <tidings/explanation.hpp>

#include <boost/asio/detached.hpp>

#include "support/bus_fixture.hpp"

namespace tidings::test {

namespace {

struct silent final : subscriber {
    outcome deliver(const event_ptr&) noexcept override { return outcome::delivered; }
};

}  // namespace

TEST_CASE("a bus explains what matches a topic, and what each has seen", "[explain]") {
    context_fixture f;
    bus hub(f.io(), {.history = {.rules = {{"orders.>", 10}, {">", 5}}}});
    const auto callback = hub.subscribe("orders.*.paid", [](const event_ptr&) {});
    const auto at_once = hub.subscribe("orders.>", immediate, [](const event_ptr&) {});
    const auto other = hub.subscribe("invoices.>", immediate, [](const event_ptr&) {});
    const auto target = hub.subscribe("*.1.paid", std::make_shared<silent>());
    auto receiver = hub.receive("orders.1.paid", {.limits = {.max_events = 1}});
    CHECK(hub.publish("orders.1.paid", made("a")).matched == 4);

    const auto e = hub.explain("orders.1.paid");
    CHECK_FALSE(e.refused);
    CHECK(e.topic == "orders.1.paid");
    CHECK(e.kept);
    CHECK(e.kept_by == "orders.>");
    CHECK(e.standing == 5);
    REQUIRE(e.subscriptions.size() == 4);
    const auto of = [&](std::string_view pattern) {
        for (const auto& s : e.subscriptions)
            if (s.pattern == pattern) return s;
        return explained_subscription{};
    };
    CHECK(of("orders.*.paid").kind == subscription_kind::callback);
    CHECK(of("orders.*.paid").counters.matched == 1);
    CHECK(of("orders.*.paid").counters.delivered == 0);
    CHECK_FALSE(of("orders.*.paid").full);
    CHECK(of("orders.>").kind == subscription_kind::immediate);
    CHECK(of("orders.>").counters.delivered == 1);
    CHECK(of("*.1.paid").kind == subscription_kind::subscriber);
    CHECK(of("orders.1.paid").kind == subscription_kind::receiver);
    CHECK(of("orders.1.paid").full);

    const auto text = to_string(e);
    CHECK(text.find("orders.1.paid: 4 of 5 subscriptions match; kept by orders.>\n") == 0);
    CHECK(text.find("  orders.1.paid: receiver, full, matched 1\n") != std::string::npos);
    CHECK(text.find("  orders.>: immediate callback, matched 1, delivered 1\n") !=
          std::string::npos);
    f.run();
}

TEST_CASE("a bus explains why nothing gets an event", "[explain]") {
    context_fixture f;
    bus hub(f.io());
    const auto other = hub.subscribe("invoices.>", immediate, [](const event_ptr&) {});
    SECTION("no pattern matches") {
        const auto e = hub.explain("orders.1.paid");
        CHECK_FALSE(e.refused);
        CHECK_FALSE(e.kept);
        CHECK(e.standing == 1);
        CHECK(e.subscriptions.empty());
        CHECK(to_string(e) == "orders.1.paid: 0 of 1 subscriptions match; not kept\n");
    }
    SECTION("it is no topic") {
        CHECK(hub.explain("orders.*").refused == errc::bad_topic);
        CHECK(hub.explain("tidings.gap").refused == errc::reserved_topic);
        CHECK(to_string(hub.explain("a..b")).find("a..b: refused, ") == 0);
    }
    SECTION("the bus was moved from") {
        const bus moved = std::move(hub);
        CHECK(hub.explain("a").refused == errc::closed);
    }
}

TEST_CASE("a subscription that began in the past is explained as what it is", "[explain]") {
    context_fixture f;
    bus hub(f.io(), {.history = {.max_events = 4}});
    const auto s = hub.subscribe("a", [](const event_ptr&) {}, {.after = position()});
    f.run();
    const auto e = hub.explain("a");
    REQUIRE(e.subscriptions.size() == 1);
    CHECK(e.subscriptions.front().kind == subscription_kind::callback);
    CHECK(to_string(e) == "a: 1 of 1 subscriptions match; kept by >\n  a: callback, matched 0\n");
}

TEST_CASE("a bus explains which events of a pattern a subscription wants", "[explain]") {
    context_fixture f;
    bus hub(f.io(), {.history = {.max_events = 4}});
    const auto paid = event_filter::exact("type", "paid");
    const auto shown = R"({"exact":{"type":"paid"}})";
    const auto one = hub.subscribe(
        "a", immediate, [](const event_ptr&) {}, paid);
    const auto two = hub.subscribe("a", [](const event_ptr&) {}, {.filter = paid});
    const auto three = hub.subscribe("a", std::make_shared<silent>(), {.filter = paid});
    const auto four = hub.receive("a", {.filter = paid, .group = "workers"});
    const auto five =
        hub.subscribe("a", [](const event_ptr&) {}, {.after = position(), .filter = paid});
    const auto all = hub.subscribe("a", immediate, [](const event_ptr&) {});
    f.run();
    const auto e = hub.explain("a");
    REQUIRE(e.subscriptions.size() == 6);
    CHECK(std::count_if(e.subscriptions.begin(), e.subscriptions.end(),
                        [&](const auto& s) { return s.filter == shown; }) == 5);
    CHECK(to_string(e).find("  a: immediate callback, only " + std::string(shown) +
                            ", matched 0\n") != std::string::npos);
}

TEST_CASE("a subscription that has ended is not explained", "[explain]") {
    context_fixture f;
    bus hub(f.io());
    auto s = hub.subscribe("a", immediate, [](const event_ptr&) {});
    auto t = hub.subscribe("a", immediate, [](const event_ptr&) {});
    s.reset();
    CHECK(hub.explain("a").subscriptions.size() == 1);
    t.reset();
    CHECK(hub.explain("a").subscriptions.empty());
}

}  // namespace tidings::test
