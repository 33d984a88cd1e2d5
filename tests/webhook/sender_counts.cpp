// SPDX-License-Identifier: BSL-1.0
// How the attempts of a sender are counted, whether or not they are logged.
#include "support/webhook_bed.hpp"

#include <tidings/event_json.hpp>
#include <tidings/store/memory_outbox.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

struct counts_bed {
    explicit counts_bed(bool successes = false) : logs_successes(successes) {}

    webhook::sender_options options() {
        auto o = webhook_options(w);
        o.retry.delays = {0s, 5s};
        o.outbox = outbox;
        o.attempts.successes = logs_successes;
        o.health.open_after = 0;
        o.health.disable_after = 0;
        return o;
    }
    std::vector<store::outbox_attempt_counts> counts(const std::string& endpoint = "e") {
        return counts_of(w, *outbox, endpoint);
    }

    world w;
    const bool logs_successes;
    std::shared_ptr<store::outbox> outbox = store::make_memory_outbox();
    send_bed bed{w, options()};
    world_sink target{w};
};

const store::outbox_minute first_minute =
    std::chrono::floor<std::chrono::minutes>(manual_clock().wall_now());

}  // namespace

TEST_CASE("attempts are counted by minute, whether they are logged or not", "[webhook]") {
    const bool logged = GENERATE(false, true);
    CAPTURE(logged);
    counts_bed b(logged);
    const auto endpoint = b.bed.add(b.target.url(), {.id = "e"});
    std::vector<http::exchange> held;
    b.target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    const auto answer = [&](unsigned status) {
        auto x = std::move(held.at(0));
        held.clear();
        x.respond({.status = status});
        b.w.run_ready();
    };
    b.bed.publish("1");
    b.w.advance(30ms);
    answer(500);
    b.w.advance(6s);
    REQUIRE(held.size() == 1);
    b.w.advance(20ms);
    answer(204);
    b.bed.publish("2");
    b.w.advance(3ms);
    answer(204);
    b.w.advance(60s);
    b.bed.publish("3");
    answer(204);
    const auto all = b.counts();
    REQUIRE(all.size() == 2);
    CHECK(all[0].minute == first_minute);
    CHECK(all[0].failed == 1);
    CHECK(all[0].succeeded == 2);
    CHECK(all[0].total == 23ms);
    CHECK(all[0].longest == 20ms);
    CHECK(all[0].latencies[2] == 1);  // up to 4 ms
    CHECK(all[0].latencies[5] == 1);  // up to 32 ms
    CHECK(all[1].minute == first_minute + 1min);
    CHECK(all[1].succeeded == 1);
    CHECK(all[1].failed == 0);
    CHECK(b.outbox->stats().attempts == (logged ? 4 : 1));
    CHECK(b.counts("other").empty());
}

TEST_CASE("an attempt that nobody answered, and one whose target was replaced, are counted",
          "[webhook]") {
    counts_bed b;
    b.bed.add("http://127.0.0.1:1/hook", {.id = "nobody"});
    std::vector<http::exchange> held;
    b.target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    b.bed.add(b.target.url(), {.id = "e"});
    b.bed.publish("1");
    world_sink other(b.w);
    b.bed.hooks.clear();
    b.bed.add(other.url(), {.id = "e", .replace = true});
    b.w.run_ready();
    REQUIRE(held.size() == 1);
    held[0].respond({.status = 500});
    b.w.run_ready();
    b.w.advance(5s);
    CHECK(other.requests.size() == 1);
    REQUIRE(b.counts().size() == 1);
    CHECK(b.counts()[0].failed == 1);
    CHECK(b.counts()[0].succeeded == 1);
    REQUIRE(b.counts("nobody").size() == 1);
    CHECK(b.counts("nobody")[0].failed >= 1);
    CHECK(b.counts("nobody")[0].succeeded == 0);
}

TEST_CASE("a request with several events counts for each, and what gives them up for none",
          "[webhook]") {
    counts_bed b;
    b.target.answer = [](http::exchange& x) {
        const bool bad = x.request().body.find("bad") != std::string::npos;
        x.respond({.status = bad ? 400U : 204U});
    };
    auto endpoint = b.bed.add(b.target.url(), {.id = "e", .form = webhook::body_form::batch});
    for (const auto* text : {"1", "2", "bad"})
        b.bed.hub->publish("a", event("test", "/test", text));
    b.w.run_ready();
    b.w.advance(1s);
    REQUIRE(b.counts().size() == 1);
    // All three; of the halves two, and the bad one alone.
    CHECK(b.counts()[0].failed == 3 + 1);
    CHECK(b.counts()[0].succeeded == 2);
    const auto before = b.counts();
    endpoint.close();
    b.w.run_ready();
    CHECK(b.outbox->stats().dead == 1);
    CHECK(b.counts() == before);
}

TEST_CASE("a sender counts by the clock of its start, and the next one by its own", "[webhook]") {
    const auto by = GENERATE(-3h, 5h);
    counts_bed b;
    const auto succeeded_at = [&](store::outbox_minute m) {
        std::uint32_t n = 0;
        for (const auto& c : b.counts())
            if (c.minute == m) n += c.succeeded;
        return n;
    };
    b.bed.add(b.target.url(), {.id = "e"});
    b.bed.publish("1");
    b.w.clock().set_wall(b.w.clock().wall_now() + by);
    b.bed.publish("2");
    CHECK(succeeded_at(first_minute) == 2);
    send_bed next(b.w, b.options());
    next.add(b.target.url(), {.id = "e"});
    next.publish("3");
    CHECK(b.target.requests.size() == 3);
    CHECK(succeeded_at(first_minute) == 2);
    CHECK(succeeded_at(first_minute + by) == 1);
    CHECK(b.counts().size() == 2);
    CHECK(b.counts()[0].minute < b.counts()[1].minute);
}

}  // namespace tidings::test
