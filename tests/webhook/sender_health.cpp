// SPDX-License-Identifier: BSL-1.0
// A sender spares endpoints that fail, disables them in the end, and remembers both.
#include "support/counting_metrics.hpp"
#include "support/webhook_bed.hpp"

#include <tidings/store/memory_outbox.hpp>
#include <tidings/test/faulty_outbox.hpp>

#include <boost/asio/bind_executor.hpp>

#include <cstdlib>
#include <string>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using kind = webhook::endpoint_change::kind;

/// A sender whose endpoints are spared after three failures and disabled after five in an hour.
struct health_bed {
    webhook::sender_options options() {
        auto o = webhook_options(w);
        o.outbox = outbox;
        o.retry.delays = std::vector<std::chrono::milliseconds>(100, 1s);
        o.retry.delays.front() = 0s;
        o.health = {.open_after = 3, .open_for = 60s, .max_open_for = 600s};
        o.health.disable_after = 5;
        o.health.disable_after_time = 1h;
        o.health.disabled_probe = 24h;
        o.on_endpoint = [this](const webhook::endpoint_change& c) { changes.push_back(c); };
        return o;
    }
    std::size_t requests() const { return target.requests.size(); }
    std::vector<kind> kinds() const {
        std::vector<kind> all;
        for (const auto& c : changes) all.push_back(c.what);
        return all;
    }
    store::outbox_endpoint row() {
        store::outbox_endpoint found;
        outbox->start_list_endpoints({}, 1, {w.io().get_executor(), [&](error_code, auto page) {
                                                 if (!page.empty()) found = page[0].row;
                                             }});
        w.run_ready();
        return found;
    }

    world w;
    const std::shared_ptr<faulty_outbox> outbox = std::make_shared<faulty_outbox>();
    std::vector<webhook::endpoint_change> changes;
    std::optional<send_bed> bed{std::in_place, w, options()};
    world_sink target{w};
};

}  // namespace

TEST_CASE("an endpoint that fails is sent nothing until it is probed", "[webhook]") {
    health_bed b;
    b.target.answer = answering({500});
    const auto e = b.bed->add(b.target.url(), {.id = "one"});
    for (int i = 0; i < 5; ++i) b.bed->publish(std::to_string(i));
    for (int i = 0; i < 30; ++i) b.w.advance(1s);
    CHECK(b.requests() == 3);
    CHECK(b.kinds() == std::vector{kind::circuit_opened});
    CHECK(b.changes[0].endpoint == "one");
    CHECK_FALSE(e.disabled());
    // Nothing of what waits has been attempted meanwhile.
    std::uint32_t attempts = 0;
    for (const auto& l : listed(b.w, *b.outbox)) attempts += l.entry.attempts;
    CHECK(attempts == 3);
    b.w.advance(40s);
    CHECK(b.requests() == 4);  // the probe, which fails: twice as long
    b.w.advance(110s);
    CHECK(b.requests() == 4);
    b.target.answer = nullptr;
    b.w.advance(20s);
    CHECK(b.requests() == 9);
    CHECK(b.kinds().back() == kind::circuit_closed);
    CHECK(e.counters().delivered == 5);
    CHECK(listed(b.w, *b.outbox).empty());
}

TEST_CASE("nothing is waited for where an endpoint that is spared is owed nothing", "[webhook]") {
    world w;
    auto o = webhook_options(w);
    o.retry.delays = {0s, 1s};
    o.health.open_after = 2;
    o.health.open_for = 60s;
    send_bed bed(w, o);
    const auto e = bed.add("http://127.0.0.1:1/hook");  // no connection, whose timers would count
    bed.publish();
    CHECK(w.clock().next_deadline().has_value());
    w.advance(1s);
    REQUIRE(bed.attempts.size() == 2);
    REQUIRE(bed.logged.find("is spared") != std::string::npos);
    bed.sender->async_redeliver({.endpoint = "none"}, false, [](auto, auto) {});  // it claims then
    w.run_ready();
    CHECK_FALSE(w.clock().next_deadline().has_value());
    // It is when there is something again.
    bed.publish();
    CHECK(w.clock().next_deadline().has_value());
    w.advance(60s);
    CHECK(bed.attempts.size() == 3);
}

TEST_CASE("the circuit stays open across a restart", "[webhook]") {
    health_bed b;
    b.target.answer = answering({500});
    b.bed->add(b.target.url(), {.id = "one"});
    b.bed->publish();
    for (int i = 0; i < 30; ++i) b.w.advance(1s);
    REQUIRE(b.requests() == 3);
    CHECK(b.row().health.trips == 1);
    b.bed.reset();
    b.w.run_ready();
    b.bed.emplace(b.w, b.options());
    b.bed->add(b.target.url(), {.id = "one"});
    b.w.advance(20s);
    CHECK(b.requests() == 3);
    b.target.answer = nullptr;
    b.w.advance(20s);
    CHECK(b.requests() == 4);
    CHECK(b.row().health.trips == 0);
}

TEST_CASE("an endpoint that fails often and for long is disabled, and takes nothing", "[webhook]") {
    health_bed b;
    b.target.answer = answering({400});
    auto e = b.bed->add(b.target.url(), {.id = "one"});
    b.bed->publish("1");
    for (int i = 0; i < 20; ++i) b.w.advance(1s);
    CHECK(b.requests() > 10);  // often, but not for long; and answers of 400 open no circuit
    CHECK(b.changes.empty());
    b.w.advance(1h);
    b.w.advance(2s);
    REQUIRE(b.kinds() == std::vector{kind::disabled});
    CHECK(b.changes[0].reason == errc::webhook_disabled);
    CHECK_FALSE(b.changes[0].text.empty());
    CHECK(e.disabled() == errc::webhook_disabled);
    CHECK(e.active());
    // It refuses new events with the reason, and what it was owed stays.
    std::optional<error_code> answer;
    b.bed->hub->async_publish("a", event("test", "/test", "2"),
                              net::bind_executor(b.w.io(), [&](error_code ec, const receipt& r) {
                                  answer = ec;
                                  CHECK(r.dropped == 1);
                              }));
    b.w.run_ready();
    CHECK(answer.has_value());
    CHECK(listed(b.w, *b.outbox).size() == 1);
    const auto before = b.requests();
    SECTION("until a probe succeeds") {
        b.target.answer = nullptr;
        b.w.advance(24h);
        b.w.advance(1s);
        CHECK(b.requests() == before + 1);
        CHECK(b.kinds().back() == kind::recovered);
    }
    SECTION("until it is enabled") {
        b.target.answer = nullptr;
        e.enable();
        b.w.advance(1s);
        CHECK(b.requests() == before + 1);
        CHECK(b.row().health.failures == 0);
    }
    SECTION("also after a restart") {
        CHECK(b.row().health.disabled == errc::webhook_disabled);
        b.bed.reset();
        b.w.run_ready();
        b.bed.emplace(b.w, b.options());
        e = b.bed->add(b.target.url(), {.id = "one"});
        b.w.advance(1h);
        CHECK(e.disabled() == errc::webhook_disabled);
        CHECK(b.requests() == before);
        b.target.answer = nullptr;
        e.enable();
        b.w.advance(1s);
        CHECK(b.requests() == before + 1);
    }
    CHECK_FALSE(e.disabled());
    CHECK(listed(b.w, *b.outbox).empty());
    b.bed->publish("3");
    CHECK(b.requests() == before + 2);
}

TEST_CASE("an endpoint that does not keep up has fewer attempts at once", "[webhook]") {
    health_bed b;
    std::vector<http::exchange> held;
    b.target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    b.bed->add(b.target.url(), {.max_in_flight = 8});
    for (int i = 0; i < 100; ++i) b.bed->hub->publish("a", event("test", "/test", "x"));
    b.w.run_ready();
    REQUIRE(held.size() == 8);
    const auto answer_all = [&](unsigned status) {
        auto all = std::move(held);
        held.clear();
        for (auto& x : all) x.respond({.status = status});
        b.w.run_ready();
    };
    {
        auto first = std::move(held.front());
        held.erase(held.begin());
        first.respond({.status = 429, .fields = {{"Retry-After", "1"}}});
        b.w.run_ready();
    }
    answer_all(204);
    b.w.advance(2s);
    // Halved to four; the seven that succeeded behind it made it five.
    CHECK(held.size() == 5);
    answer_all(204);
    CHECK(held.size() == 6);
    answer_all(204);
    answer_all(204);
    CHECK(held.size() == 8);
    held.clear();
}

TEST_CASE("the outbox's bound may disable an endpoint", "[webhook]") {
    health_bed b;
    std::vector<http::exchange> held;
    b.target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    const auto e = b.bed->add(
        b.target.url(),
        {.id = "one",
         .owner = "me",
         .limits = store::outbox_limits{.max_entries = 5, .policy = store::at_bound::disable}});
    b.w.run_ready();
    for (int i = 0; i < 5; ++i) b.bed->publish(std::to_string(i));
    CHECK_FALSE(e.disabled());
    CHECK(b.row().owner == "me");
    b.bed->publish("too many");
    CHECK(e.disabled() == errc::outbox_full);
    CHECK(b.row().health.disabled == errc::outbox_full);
    CHECK(e.counters().dead == 1);
    held.clear();
    b.w.run_ready();
    REQUIRE(b.kinds() == std::vector{kind::disabled});
    CHECK(b.changes[0].reason == errc::outbox_full);
}

TEST_CASE("a clock that is set delays no retry, and expires nothing but what says so",
          "[webhook]") {
    health_bed b;
    b.target.answer = answering({500, 204});
    b.bed->add(b.target.url());
    b.bed->publish();
    const auto jump = GENERATE(-1h, 24h * 30);
    b.w.clock().set_wall(b.w.clock().wall_now() + jump);
    b.w.advance(1100ms);
    CHECK(b.requests() == 2);
    // Each attempt says when it was made.
    const auto stamp = [&](std::size_t i) {
        return std::stoll(std::string(b.target.requests.at(i).fields.get("webhook-timestamp")));
    };
    CHECK(std::abs(stamp(1) - stamp(0) - std::chrono::seconds(jump).count()) <= 2);
    CHECK(listed(b.w, *b.outbox).empty());
}

TEST_CASE("an event is not delivered when its time is over", "[webhook]") {
    health_bed b;
    b.target.answer = answering({500, 204});
    const auto e = b.bed->add(b.target.url());
    b.bed->hub->publish(
        "a", event("test", "/test", "over").extension("expirytime", "2025-12-31T23:59:59Z"));
    b.bed->hub->publish(
        "a", event("test", "/test", "soon").extension("expirytime", "2026-01-01T00:00:01Z"));
    b.w.run_ready();
    CHECK(bodies_of(b.target) == std::vector<std::string>{"soon"});
    b.w.advance(1100ms);
    CHECK(b.requests() == 1);
    const auto left = listed(b.w, *b.outbox);
    REQUIRE(left.size() == 2);
    for (const auto& l : left) {
        CHECK(l.state == store::outbox_state::dead);
        CHECK(l.entry.last_error == errc::webhook_expired);
    }
    CHECK(e.counters().dead == 2);
}

TEST_CASE("endpoints that an outbox cannot open are opened later", "[webhook][faulty]") {
    health_bed b;
    b.outbox->plan().fail({.operation = "open", .times = 2});
    b.bed->add(b.target.url());
    b.bed->publish();
    CHECK(b.requests() == 0);
    for (int i = 0; i < 3; ++i) b.w.advance(1100ms);
    CHECK(b.requests() == 1);
}

TEST_CASE("a gauge says how many endpoints are in which state", "[webhook]") {
    health_bed b;
    const auto counts = std::make_shared<counting_metrics>();
    auto o = b.options();
    o.metrics = counts;
    b.bed.emplace(b.w, std::move(o));
    const auto states = [&] {
        std::vector<std::int64_t> all;
        for (const auto* state : {"closed", "open", "half_open", "disabled"})
            all.push_back(counts->value("webhook_endpoints state=" + std::string(state)));
        return all;
    };
    using numbers = std::vector<std::int64_t>;
    CHECK(states() == numbers{0, 0, 0, 0});
    std::vector<http::exchange> held;
    bool fails = true;
    b.target.answer = [&](http::exchange& x) {
        if (x.request().query() == "well") return x.respond({.status = 204});
        if (fails) return x.respond({.status = 500});
        held.push_back(std::move(x));
    };
    b.bed->add(b.target.url("/hook?well"), {.id = "well"});
    auto ill = b.bed->add(b.target.url(), {.id = "ill"});
    b.w.run_ready();
    CHECK(states() == numbers{2, 0, 0, 0});
    b.bed->publish();
    for (int i = 0; i < 5; ++i) b.w.advance(1s);
    CHECK(states() == numbers{1, 1, 0, 0});
    fails = false;
    b.w.advance(70s);
    REQUIRE(held.size() == 1);
    CHECK(states() == numbers{1, 0, 1, 0});
    SECTION("a probe that succeeds") {
        held[0].respond({.status = 204});
        b.w.run_ready();
        CHECK(states() == numbers{2, 0, 0, 0});
    }
    SECTION("a probe that fails") {
        held[0].respond({.status = 500});
        b.w.run_ready();
        CHECK(states() == numbers{1, 1, 0, 0});
        ill.enable();
        b.w.run_ready();
        CHECK(states() == numbers{2, 0, 0, 0});
    }
    SECTION("one that is disabled") {
        held[0].respond({.status = 500});
        held.clear();
        fails = true;
        for (int i = 0; i < 10; ++i) b.w.advance(20min);
        CHECK(states() == numbers{1, 0, 0, 1});
    }
    SECTION("an endpoint that ends") {
        held[0].respond({.status = 410});
        b.w.run_ready();
        CHECK(states() == numbers{1, 0, 0, 0});
    }
    held.clear();
    b.bed->sender.reset();
    b.w.run_ready();
    CHECK(states() == numbers{0, 0, 0, 0});
}

}  // namespace tidings::test
