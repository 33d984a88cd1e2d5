// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/webhook/impl/delivery_pace.hpp>

#include <string>
#include <vector>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using texts = std::vector<std::string>;

const io::steady_time start{1000h};

bool take(webhook::detail::delivery_pace& pace, const std::string& id,
          const webhook::delivery_rate& rate, io::steady_time now) {
    if (!pace.look(id, rate, now)) return false;
    pace.take(id, now);
    return true;
}

texts ready(webhook::detail::delivery_pace& pace, io::steady_time now) {
    texts ids;
    pace.ready(now, ids);
    return ids;
}

/// How many tokens an endpoint gets in a time in which it is asked every 20 ms, as a lane's timer
/// may fire, and waits for none.
int taken(webhook::delivery_rate rate, std::chrono::milliseconds time) {
    webhook::detail::delivery_pace pace;
    int count = 0;
    for (auto at = 0ms; at < time; at += 20ms)
        while (take(pace, "e", rate, start + at)) ++count;
    return count;
}

}  // namespace

TEST_CASE("an endpoint is given its burst at once, and then its rate", "[webhook]") {
    CHECK(taken({.per_second = 10, .burst = 5}, 20ms) == 5);
    CHECK(taken({.per_second = 10, .burst = 5}, 10s) == 5 + 99);
    CHECK(taken({.per_second = 1}, 9500ms) == 10);
    CHECK(taken({.per_second = 0.1}, 20ms) == 1);
    // What is faster than a tick loses nothing by it.
    CHECK(taken({.per_second = 40}, 10s) == 401);
    CHECK(taken({.per_second = 1000}, 10s) == 21 + 9980);
    CHECK(taken({.per_second = 10, .burst = 0}, 20ms) == 1);
}

TEST_CASE("endpoints that wait for a token are given in the order in which they get it",
          "[webhook]") {
    webhook::detail::delivery_pace pace;
    CHECK_FALSE(pace.next());
    const webhook::delivery_rate slow{.per_second = 0.1}, fast{.per_second = 1};
    for (const auto& rate : {slow, fast}) {
        const auto* id = rate.per_second < 1 ? "slow" : "fast";
        CHECK(take(pace, id, rate, start));
        CHECK_FALSE(take(pace, id, rate, start));
        CHECK_FALSE(take(pace, id, rate, start + 100ms));  // waits once
    }
    REQUIRE(pace.next());
    CHECK(*pace.next() > start + 900ms);
    CHECK(*pace.next() <= start + 1s);
    CHECK(ready(pace, start + 500ms).empty());
    CHECK(ready(pace, start + 1s) == texts{"fast"});
    CHECK(ready(pace, start + 1s).empty());
    CHECK(take(pace, "fast", fast, start + 1s));
    CHECK(ready(pace, start + 10s) == texts{"slow"});
    CHECK_FALSE(pace.next());
}

TEST_CASE("a rate that is hardly one is waited for, however low it is", "[webhook]") {
    const auto rate = GENERATE(1e-6, 1e-9, 1e-13, 1e-18, 1e-300, 5e-324);
    CAPTURE(rate);
    webhook::detail::delivery_pace pace;
    const webhook::delivery_rate low{.per_second = rate};
    CHECK(take(pace, "e", low, start));
    CHECK_FALSE(take(pace, "e", low, start));
    REQUIRE(pace.next());
    CHECK(*pace.next() > start + 24h * 11);
    CHECK(*pace.next() <= start + 24h * 365 * 10);
    CHECK(ready(pace, start + 24h * 11).empty());
    CHECK_FALSE(take(pace, "e", low, start + 24h * 11));
}

TEST_CASE("another rate of an endpoint counts from now on, and one that is gone is forgotten",
          "[webhook]") {
    webhook::detail::delivery_pace pace;
    const webhook::delivery_rate slow{.per_second = 0.001};
    CHECK(take(pace, "a", slow, start));
    CHECK_FALSE(take(pace, "a", slow, start));
    CHECK_FALSE(take(pace, "a", {.per_second = 1}, start));  // or changes were a way around it
    CHECK_FALSE(take(pace, "a", {.per_second = 2, .burst = 5}, start));
    CHECK(take(pace, "a", {.per_second = 2, .burst = 5}, start + 500ms));
    CHECK_FALSE(take(pace, "a", {.per_second = 1}, start + 500ms));
    CHECK(take(pace, "a", {.per_second = 1}, start + 1500ms));
    CHECK_FALSE(take(pace, "a", {.per_second = 1}, start + 1500ms));
    CHECK(take(pace, "a", {}, start));
    CHECK_FALSE(pace.next());  // what got a token waits for none
    for (const auto* id : {"b", "c", "d"}) {
        CHECK(take(pace, id, slow, start));
        CHECK_FALSE(take(pace, id, slow, start));
    }
    pace.forget_if([](const std::string& id) { return id == "b"; });
    pace.dismiss("d");
    CHECK(ready(pace, start + 1h) == texts{"c"});
    CHECK(take(pace, "b", slow, start));
}

}  // namespace tidings::test
