// SPDX-License-Identifier: BSL-1.0
// An endpoint's rate: what waits for it holds no connection, and is no attempt.
#include "support/webhook_bed.hpp"

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("an endpoint is sent to no more often than its rate says", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    const auto e =
        bed.add(target.url(), {.rate = {.per_second = 1, .burst = 2}, .max_in_flight = 8});
    for (int i = 0; i < 10; ++i) bed.publish(std::to_string(i));
    CHECK(target.requests.size() == 2);
    CHECK(bed.sender->in_flight() == 0);
    for (std::size_t sent = 3; sent <= 10; ++sent) {
        w.advance(1s);
        CHECK(target.requests.size() == sent);
    }
    CHECK(bodies_of(target) == texts{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"});
    CHECK(e.counters().delivered == 10);
    CHECK(e.counters().failed_attempts == 0);
    for (const auto& a : bed.attempts) CHECK(a.number == 1);
}

TEST_CASE("an endpoint that waits for its rate holds up no other", "[webhook]") {
    world w;
    auto o = webhook_options(w);
    o.max_connections = 1;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    bed.add(target.url("/hook?slow"), {.id = "slow", .rate = {.per_second = 0.01}});
    bed.add(target.url("/hook?quick"), {.id = "quick"});
    for (int i = 0; i < 5; ++i) bed.publish();
    const auto quick = std::count_if(target.requests.begin(), target.requests.end(),
                                     [](const auto& r) { return r.query() == "quick"; });
    CHECK(quick == 5);
    CHECK(target.requests.size() == 6);
}

TEST_CASE("an attempt that fails takes from the rate as well, one that hangs is waited for by none",
          "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    std::vector<http::exchange> held;
    target.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    bed.add(target.url(), {.rate = {.per_second = 1}, .max_in_flight = 8});
    for (int i = 0; i < 3; ++i) bed.publish(std::to_string(i));
    CHECK(held.size() == 1);
    w.advance(1s);  // the first has no answer yet
    CHECK(held.size() == 2);
    w.advance(1s);
    CHECK(held.size() == 3);
    for (auto& x : held) x.respond({.status = 500});
    w.run_ready();
    target.answer = nullptr;
    w.advance(5s);  // all are due again
    CHECK(target.requests.size() == 4);
    w.advance(1s);
    CHECK(target.requests.size() == 5);
    held.clear();
}

TEST_CASE("a clock that is set delays no rate", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    bed.add(target.url(), {.rate = {.per_second = 1}});
    bed.publish("1");
    bed.publish("2");
    w.clock().set_wall(w.clock().wall_now() - 1h);
    w.advance(1s);
    CHECK(bodies_of(target) == texts{"1", "2"});
}

TEST_CASE("what expires while it waits for a rate is not sent", "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    const auto e = bed.add(target.url(), {.rate = {.per_second = 0.1}});
    bed.publish("1");
    bed.hub->publish("a",
                     event("test", "/test", "2").extension("expirytime", "2026-01-01T00:00:05Z"));
    bed.publish("3");
    w.advance(10s);
    CHECK(bodies_of(target) == texts{"1", "3"});
    CHECK(e.counters().dead == 1);
}

TEST_CASE("an endpoint that waits for its rate ends when it is closed, and holds up no drain",
          "[webhook]") {
    world w;
    send_bed bed(w);
    world_sink target(w);
    auto e = bed.add(target.url(), {.id = "slow", .rate = {.per_second = 0.1}});
    for (int i = 0; i < 3; ++i) bed.publish();
    REQUIRE(target.requests.size() == 1);
    SECTION("closed") {
        e.close();
        w.advance(20s);
        CHECK(e.counters().dead == 2);
    }
    SECTION("drained") {
        const auto outbox = bed.sender->outbox();
        std::optional<error_code> drained;
        bed.sender->async_drain([&](error_code ec) { drained = ec; });
        w.run_ready();
        REQUIRE(drained.has_value());
        CHECK_FALSE(*drained);
        const auto owed = listed(w, *outbox);
        CHECK(owed.size() == 2);
        for (const auto& l : owed) {
            CHECK(l.state == store::outbox_state::pending);
            CHECK(l.entry.attempts == 0);
        }
    }
    CHECK(target.requests.size() == 1);
}

}  // namespace tidings::test
