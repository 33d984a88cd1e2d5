// SPDX-License-Identifier: BSL-1.0
#include <tidings/webhook/retry_schedule.hpp>

#include "support/catch2.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::seconds;
using tidings::webhook::retry_options;
using tidings::webhook::retry_schedule;
using tidings::webhook::verdict;

constexpr std::uint64_t lowest = 0;
constexpr std::uint64_t middle = std::uint64_t{1} << 63;
constexpr std::uint64_t highest = std::numeric_limits<std::uint64_t>::max();

void check_refused(retry_options options) {
    CHECK_THROWS_AS(retry_schedule(std::move(options)), std::invalid_argument);
}

TEST_CASE("a schedule that makes no sense is refused at construction", "[webhook]") {
    check_refused({.delays = {}});
    check_refused({.delays = {0s, -1ms}});
    check_refused({.delays = {std::chrono::days(365) + 1ms}});
    check_refused({.delays = {milliseconds::max()}});
    check_refused({.jitter = -0.01});
    check_refused({.jitter = 1.01});
    check_refused({.jitter = std::numeric_limits<double>::quiet_NaN()});
    check_refused({.max_retry_after = -1s});
    check_refused({.max_retry_after = seconds::max()});
    check_refused({.permanent_statuses = {404, 200}});
    check_refused({.permanent_statuses = {299}});
    check_refused({.permanent_statuses = {410}});
    CHECK_NOTHROW(retry_schedule({.delays = {std::chrono::days(365)},
                                  .jitter = 1,
                                  .max_retry_after = std::chrono::days(365),
                                  .permanent_statuses = {199, 300, 409, 411}}));
}

TEST_CASE("the default schedule is that of Standard Webhooks", "[webhook]") {
    const retry_schedule schedule;
    const milliseconds expected[] = {0s, 5s, 5min, 30min, 2h, 5h, 10h, 14h, 20h, 24h};
    milliseconds sum{};
    for (std::size_t i = 0; i < std::size(expected); ++i) {
        const auto delay = schedule.next(i, {}, middle);
        CHECK(delay == expected[i]);
        sum += delay.value_or(0ms);
    }
    CHECK(sum == 75h + 35min + 5s);
    CHECK(schedule.max_attempts() == 10);
    CHECK_FALSE(schedule.next(10, {}, middle));
    CHECK_FALSE(schedule.next(10, 5s, middle));
    CHECK_FALSE(schedule.next(std::numeric_limits<std::size_t>::max(), {}, middle));
}

TEST_CASE("the schedules of Standard Webhooks and Svix are at hand", "[webhook]") {
    CHECK(tidings::webhook::standard_retries().delays == retry_options().delays);
    const retry_schedule svix(tidings::webhook::svix_retries());
    const milliseconds expected[] = {0s, 5s, 5min, 30min, 2h, 5h, 10h, 10h};
    REQUIRE(svix.max_attempts() == std::size(expected));
    for (std::size_t i = 0; i < std::size(expected); ++i)
        CHECK(svix.next(i, {}, middle) == expected[i]);
    CHECK(svix.next(1, {}, lowest) == 4s);
}

TEST_CASE("an exponential schedule doubles each wait up to its longest", "[webhook]") {
    using tidings::webhook::exponential_retries;
    using delays = std::vector<milliseconds>;
    CHECK(exponential_retries(30s, 5min, 7).delays ==
          delays{0s, 30s, 1min, 2min, 4min, 5min, 5min});
    CHECK(exponential_retries(30s, 2min, 5).delays == delays{0s, 30s, 1min, 2min, 2min});
    CHECK(exponential_retries(1h, 1min, 3).delays == delays{0s, 1min, 1min});
    CHECK(exponential_retries(0s, 1min, 1).delays == delays{0s});
    // However many there are, no wait is larger than a number may be.
    CHECK(exponential_retries(1ms, milliseconds::max(), 70).delays.back() == milliseconds::max());
    check_refused(exponential_retries(1s, 1s, 0));
    check_refused(exponential_retries(-1s, 1s, 70));
    check_refused(exponential_retries(1ms, milliseconds::max(), 70));
}

TEST_CASE("jitter spreads a delay evenly by a fifth either way", "[webhook]") {
    const retry_schedule schedule({.delays = {0s, 100s}});
    CHECK(schedule.next(0, {}, lowest) == 0s);
    CHECK(schedule.next(0, {}, highest) == 0s);
    CHECK(schedule.next(1, {}, lowest) == 80s);
    CHECK(schedule.next(1, {}, middle / 2) == 90s);
    CHECK(schedule.next(1, {}, middle) == 100s);
    CHECK(schedule.next(1, {}, middle + middle / 2) == 110s);
    CHECK(schedule.next(1, {}, highest) == 120s);

    const retry_schedule exact({.delays = {100s}, .jitter = 0});
    CHECK(exact.next(0, {}, lowest) == 100s);
    CHECK(exact.next(0, {}, highest) == 100s);
    const retry_schedule wild({.delays = {100s}, .jitter = 1});
    CHECK(wild.next(0, {}, lowest) == 0s);
    CHECK(wild.next(0, {}, highest) == 200s);
}

TEST_CASE("a Retry-After lengthens a delay up to the cap and never shortens it", "[webhook]") {
    const retry_schedule schedule({.delays = {0s, 100s, 48h}});
    CHECK(schedule.next(1, 0s, middle) == 100s);
    CHECK(schedule.next(1, 99s, middle) == 100s);
    CHECK(schedule.next(1, 101s, middle) == 101s);
    // Jitter does not undercut what the peer asked for.
    CHECK(schedule.next(1, 101s, lowest) == 101s);
    CHECK(schedule.next(1, 101s, highest) == 120s);
    CHECK(schedule.next(0, 7s, lowest) == 7s);
    CHECK(schedule.next(1, 24h, middle) == 24h);
    CHECK(schedule.next(1, 24h + 1s, middle) == 24h);
    CHECK(schedule.next(1, seconds::max(), middle) == 24h);
    CHECK(schedule.next(2, seconds::max(), middle) == 48h);
    CHECK(schedule.next(1, -5s, middle) == 100s);
    CHECK(schedule.next(1, seconds::min(), middle) == 100s);

    const retry_schedule deaf({.delays = {100s}, .max_retry_after = 0s});
    CHECK(deaf.next(0, 1h, middle) == 100s);
}

TEST_CASE("a status says what becomes of a delivery", "[webhook]") {
    const retry_schedule schedule;
    for (unsigned status = 0; status < 1000; ++status) {
        auto expected = verdict::retry;
        if (status >= 200 && status <= 299) expected = verdict::success;
        if (status == 410) expected = verdict::gone;
        if (status == 429 || status == 502 || status == 503 || status == 504)
            expected = verdict::throttled;
        CAPTURE(status);
        CHECK(schedule.classify(status) == expected);
    }
}

TEST_CASE("the user may declare statuses hopeless", "[webhook]") {
    const retry_schedule schedule({.permanent_statuses = {400, 413, 429}});
    CHECK(schedule.classify(400) == verdict::permanent);
    CHECK(schedule.classify(413) == verdict::permanent);
    CHECK(schedule.classify(429) == verdict::permanent);
    CHECK(schedule.classify(401) == verdict::retry);
    CHECK(schedule.classify(503) == verdict::throttled);
    CHECK(schedule.classify(200) == verdict::success);
    CHECK(schedule.classify(410) == verdict::gone);
}

}  // namespace
