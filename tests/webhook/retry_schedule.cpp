// SPDX-License-Identifier: BSL-1.0
#include <tidings/http/impl/message/retry_after.hpp>
#include <tidings/webhook/retry_schedule.hpp>

#include "support/catch2.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::system_clock;
using tidings::errc;
using tidings::http::parse_retry_after;
using tidings::webhook::retry_options;
using tidings::webhook::retry_schedule;
using tidings::webhook::verdict;

constexpr std::uint64_t lowest = 0;
constexpr std::uint64_t middle = std::uint64_t{1} << 63;
constexpr std::uint64_t highest = std::numeric_limits<std::uint64_t>::max();

// 1994-11-06 08:49:37, the time of RFC 9110's examples.
constexpr system_clock::time_point example =
    sys_days(std::chrono::year(1994) / 11 / 6) + 8h + 49min + 37s;

std::optional<seconds> wait(std::string_view text, system_clock::time_point now = example) {
    return parse_retry_after(text, now);
}

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

TEST_CASE("a Retry-After that is no number and no HTTP-date is ignored", "[webhook]") {
    const auto text = GENERATE(
        as<std::string_view>{}, "", " ", "-1", "+5", "5.0", "1e3", "0x10", "5s", "5 ", " 5", "5,6",
        "\xff", "5\0"sv, "soon",
        // dates that are not in one of the three forms of RFC 9110 5.6.7
        "Sun, 06 Nov 1994 08:49:38", "Sun, 06 Nov 1994 08:49:38 ", "Sun, 06 Nov 1994 08:49:38 UTC",
        "Sun, 06 Nov 1994 08:49:38 +0000", "Sun, 06 Nov 1994 08:49:38 GMT ",
        "Sun, 06 Nov 1994 08:49:38 GMTx", "sun, 06 Nov 1994 08:49:38 GMT",
        "Sun, 06 nov 1994 08:49:38 GMT", "Sun 06 Nov 1994 08:49:38 GMT",
        "Sun, 6 Nov 1994 08:49:38 GMT", "Sun, 06 Nov 94 08:49:38 GMT", "06 Nov 1994 08:49:38 GMT",
        "Son, 06 Nov 1994 08:49:38 GMT", "Sun, 06 Nox 1994 08:49:38 GMT",
        "Sun, 31 Nov 1994 08:49:38 GMT", "Sun, 00 Nov 1994 08:49:38 GMT",
        "Sun, 29 Feb 1995 08:49:38 GMT", "Sun, 06 Nov 1994 24:49:38 GMT",
        "Sun, 06 Nov 1994 08:60:38 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 8:49:38 GMT", "Sun, -6 Nov 1994 08:49:38 GMT",
        "Mon, 07 Nov 1994 -8:49:38 GMT", "Mon, 07 Nov 1994 08:-9:38 GMT",
        "Sun, 06 Nov -994 08:49:38 GMT", "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 1994",
        "Sunday, 06 Nov 1994 08:49:38 GMT", "Sunday, 06-Nov-1994 08:49:38 GMT",
        "Sun, 06-Nov-94 08:49:38 GMT", "Sunday, 06-Nov-94 08:49:38", "Sunday, 06-Nov-94",
        "Sun Nov 6 08:49:38 1994", "Sun Nov  6 08:49:38 94", "Sun Nov  6 08:49:38 1994 GMT",
        "Sun, Nov  6 08:49:38 1994", "Sun Nov  06 08:49:38 1994", "Sun Nov  0 08:49:38 1994",
        "Sun, ", "S", "Sun", "1994-11-06T08:49:38Z");
    CAPTURE(text);
    CHECK_FALSE(wait(text));
}

TEST_CASE("a Retry-After in seconds is taken as it stands", "[webhook]") {
    CHECK(wait("0") == 0s);
    CHECK(wait("120") == 120s);
    CHECK(wait("007") == 7s);
    CHECK(wait("2147483648") == seconds(2147483648));
    CHECK(wait("2147483649") == seconds(2147483648));
    CHECK(wait("9223372036854775808") == seconds(2147483648));
    CHECK(wait(std::string(5000, '9')) == seconds(2147483648));
}

TEST_CASE("the three forms of HTTP-date mean the same time", "[webhook]") {
    CHECK(wait("Sun, 06 Nov 1994 08:49:47 GMT") == 10s);
    CHECK(wait("Sunday, 06-Nov-94 08:49:47 GMT") == 10s);
    CHECK(wait("Sun Nov  6 08:49:47 1994") == 10s);
    CHECK(wait("Wed Nov 16 08:49:37 1994") == std::chrono::days(10));
    CHECK(wait("Thu, 31 Dec 9999 23:59:59 GMT") == seconds(2147483648));

    const char* const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (unsigned month = 1; month <= 12; ++month) {
        const auto date = sys_days(std::chrono::year(1995) / std::chrono::month(month) / 28);
        CHECK(wait(std::string("Mon, 28 ") + months[month - 1] + " 1995 08:49:37 GMT") ==
              date + 8h + 49min + 37s - example);
    }
    for (const char* const day : {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"})
        CHECK(wait(std::string(day) + ", 07 Nov 1994 08:49:37 GMT") == 24h);
    for (const char* const day :
         {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"})
        CHECK(wait(std::string(day) + ", 07-Nov-94 08:49:37 GMT") == 24h);
    CHECK(wait("Thu, 29 Feb 1996 00:00:00 GMT"));
    // A leap second is the second after.
    CHECK(wait("Sat, 31 Dec 1994 23:59:60 GMT") == wait("Sun, 01 Jan 1995 00:00:00 GMT"));
}

TEST_CASE("a Retry-After date that has gone by is ignored", "[webhook]") {
    CHECK(wait("Sun, 06 Nov 1994 08:49:37 GMT") == 0s);
    CHECK_FALSE(wait("Sun, 06 Nov 1994 08:49:36 GMT"));
    CHECK_FALSE(wait("Thu, 01 Jan 1970 00:00:00 GMT"));
    CHECK_FALSE(wait("Thu, 01 Jan 0000 00:00:00 GMT"));
}

TEST_CASE("a Retry-After date is waited for in full", "[webhook]") {
    CHECK(wait("Sun, 06 Nov 1994 08:49:47 GMT", example + 1ms) == 10s);
    CHECK(wait("Sun, 06 Nov 1994 08:49:47 GMT", example + 999ms) == 10s);
    CHECK(wait("Sun, 06 Nov 1994 08:49:47 GMT", example + 1s) == 9s);
}

TEST_CASE("a year of two digits is the one less than 50 years away", "[webhook]") {
    const auto at = [](int year) { return sys_days(std::chrono::year(year) / 1 / 1) + 0s; };
    // 50 years ahead still counts as ahead, 51 as the century before.
    CHECK(wait("Sunday, 01-Jan-76 00:00:00 GMT", at(2026)) ==
          at(2076).time_since_epoch() - at(2026).time_since_epoch());
    CHECK_FALSE(wait("Sunday, 01-Jan-77 00:00:00 GMT", at(2026)));
    CHECK_FALSE(wait("Sunday, 01-Jan-25 00:00:00 GMT", at(2026)));
    // Over the turn of a century, either way.
    CHECK(wait("Sunday, 01-Jan-00 00:00:00 GMT", at(2100) - 1s) == 1s);
    CHECK_FALSE(wait("Sunday, 01-Jan-99 00:00:00 GMT", at(2101)));
}

}  // namespace
