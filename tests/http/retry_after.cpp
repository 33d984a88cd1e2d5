// SPDX-License-Identifier: BSL-1.0
#include <tidings/http/impl/message/retry_after.hpp>

#include "support/catch2.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::system_clock;

// 1994-11-06 08:49:37, the time of RFC 9110's examples.
constexpr system_clock::time_point example =
    sys_days(std::chrono::year(1994) / 11 / 6) + 8h + 49min + 37s;

std::optional<seconds> wait(std::string_view text, system_clock::time_point now = example) {
    return tidings::http::parse_retry_after(text, now);
}

TEST_CASE("a Retry-After that is no number and no HTTP-date is ignored", "[http]") {
    const auto text =
        GENERATE(as<std::string_view>{}, "", " ", "-1", "+5", "5.0", "1e3", "0x10", "5s", "5 ",
                 " 5", "5,6", "\xff", "5\0"sv, "soon", "Sun, 06 Nov 1994 08:49:38");
    CAPTURE(text);
    CHECK_FALSE(wait(text));
}

TEST_CASE("a Retry-After in seconds is taken as it stands", "[http]") {
    CHECK(wait("0") == 0s);
    CHECK(wait("120") == 120s);
    CHECK(wait("007") == 7s);
    CHECK(wait("2147483648") == seconds(2147483648));
    CHECK(wait("2147483649") == seconds(2147483648));
    CHECK(wait("9223372036854775808") == seconds(2147483648));
    CHECK(wait(std::string(5000, '9')) == seconds(2147483648));
}

TEST_CASE("a Retry-After date is the time until then", "[http]") {
    CHECK(wait("Sun, 06 Nov 1994 08:49:47 GMT") == 10s);
    CHECK(wait("Sunday, 06-Nov-94 08:49:47 GMT") == 10s);
    CHECK(wait("Sun Nov  6 08:49:47 1994") == 10s);
    CHECK(wait("Thu, 31 Dec 9999 23:59:59 GMT") == seconds(2147483648));
}

TEST_CASE("a Retry-After date that has gone by is ignored", "[http]") {
    CHECK(wait("Sun, 06 Nov 1994 08:49:37 GMT") == 0s);
    CHECK_FALSE(wait("Sun, 06 Nov 1994 08:49:36 GMT"));
    CHECK_FALSE(wait("Thu, 01 Jan 1970 00:00:00 GMT"));
    CHECK_FALSE(wait("Thu, 01 Jan 0000 00:00:00 GMT"));
}

TEST_CASE("a Retry-After date is waited for in full", "[http]") {
    CHECK(wait("Sun, 06 Nov 1994 08:49:47 GMT", example + 1ms) == 10s);
    CHECK(wait("Sun, 06 Nov 1994 08:49:47 GMT", example + 999ms) == 10s);
    CHECK(wait("Sun, 06 Nov 1994 08:49:47 GMT", example + 1s) == 9s);
}

}  // namespace
