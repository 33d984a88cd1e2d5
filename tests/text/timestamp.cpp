// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/text/impl/timestamp.hpp>

#include <string>

namespace tidings::test {

namespace {

std::string round_trip(std::string_view text) {
    error_code ec;
    const auto t = detail::parse_timestamp(text, ec);
    return ec ? "bad" : detail::format_timestamp(t);
}

TEST_CASE("a time is written in UTC with the shortest fraction", "[detail]") {
    using namespace std::chrono;
    const detail::wall_time day = sys_days(year(2026) / 1 / 2);
    CHECK(detail::format_timestamp(day) == "2026-01-02T00:00:00Z");
    CHECK(detail::format_timestamp(day + microseconds(1)) == "2026-01-02T00:00:00.000001Z");
    CHECK(detail::format_timestamp(day + milliseconds(250)) == "2026-01-02T00:00:00.25Z");
    CHECK(detail::format_timestamp(day - microseconds(1)) == "2026-01-01T23:59:59.999999Z");
    CHECK(detail::format_timestamp(detail::wall_time() - seconds(1)) == "1969-12-31T23:59:59Z");
    CHECK(detail::format_timestamp(sys_days(year(33) / 4 / 3)) == "0033-04-03T00:00:00Z");
}

TEST_CASE("RFC 3339 is read, whatever its offset and fraction", "[detail]") {
    CHECK(round_trip("2026-01-02T03:04:05Z") == "2026-01-02T03:04:05Z");
    CHECK(round_trip("2026-01-02t03:04:05z") == "2026-01-02T03:04:05Z");
    CHECK(round_trip("2026-01-02 03:04:05Z") == "2026-01-02T03:04:05Z");
    CHECK(round_trip("2026-01-02T03:04:05.1Z") == "2026-01-02T03:04:05.1Z");
    CHECK(round_trip("2026-01-02T03:04:05.123456789012345678901Z") ==
          "2026-01-02T03:04:05.123456Z");
    CHECK(round_trip("2026-01-02T03:04:05.0000009Z") == "2026-01-02T03:04:05Z");
    CHECK(round_trip("2026-01-02T03:04:05+02:30") == "2026-01-02T00:34:05Z");
    CHECK(round_trip("2026-01-01T23:00:00-02:30") == "2026-01-02T01:30:00Z");
    CHECK(round_trip("2026-01-02T00:00:00-00:00") == "2026-01-02T00:00:00Z");
    CHECK(round_trip("2016-12-31T23:59:60Z") == "2017-01-01T00:00:00Z");
    CHECK(round_trip("2024-02-29T00:00:00Z") == "2024-02-29T00:00:00Z");
    CHECK(round_trip("0000-01-01T00:00:00Z") == "0000-01-01T00:00:00Z");
    CHECK(round_trip("9999-12-31T23:59:59.999999Z") == "9999-12-31T23:59:59.999999Z");
    CHECK(round_trip("1960-01-01T00:00:00.5Z") == "1960-01-01T00:00:00.5Z");
}

TEST_CASE("what is not RFC 3339, or leaves its years, is refused", "[detail]") {
    for (const auto* text : {"",
                             "x",
                             "2026",
                             "2026-01-02",
                             "2026-01-02T03:04Z",
                             "2026-01-02T03:04:05",
                             "2026-1-02T03:04:05Z",
                             "26-01-02T03:04:05Z",
                             "2026-00-02T03:04:05Z",
                             "2026-13-02T03:04:05Z",
                             "2026-01-00T03:04:05Z",
                             "2026-01-32T03:04:05Z",
                             "2026-02-29T00:00:00Z",
                             "2026-04-31T00:00:00Z",
                             "2026-01-02T24:00:00Z",
                             "2026-01-02T03:60:05Z",
                             "2026-01-02T03:04:61Z",
                             "2026-01-02T03:04:05.Z",
                             "2026-01-02T03:04:05,1Z",
                             "2026-01-02T03:04:05Zx",
                             "2026-01-02T03:04:05+0200",
                             "2026-01-02T03:04:05+24:00",
                             "2026-01-02T03:04:05+02:60",
                             "2026-01-02T03:04:05+2:00",
                             "2026-01-02X03:04:05Z",
                             "2026/01/02T03:04:05Z",
                             " 2026-01-02T03:04:05Z",
                             "-026-01-02T03:04:05Z",
                             "+2026-01-02T03:04:05Z",
                             "2026-01-02T03:04:05.1",
                             "0000-01-01T00:00:00+00:01",
                             "9999-12-31T23:59:60Z",
                             "9999-12-31T23:59:59-00:01"}) {
        INFO(text);
        CHECK(round_trip(text) == "bad");
    }
}

}  // namespace

}  // namespace tidings::test
