// SPDX-License-Identifier: BSL-1.0
#include <tidings/http/impl/message/http_date.hpp>

#include "support/catch2.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using tidings::http::detail::http_date;
using tidings::http::detail::read_http_date;
namespace io = tidings::io;

// 1994-11-06 08:49:37, the time of RFC 9110's examples.
constexpr sys_seconds example = sys_days(std::chrono::year(1994) / 11 / 6) + 8h + 49min + 37s;

io::system_time at(std::int64_t seconds) {
    return io::system_time(std::chrono::seconds(seconds));
}

std::optional<sys_seconds> read(std::string_view text, sys_seconds now = example) {
    return read_http_date(text, now);
}

TEST_CASE("a date is written as HTTP has it", "[http]") {
    CHECK(http_date(at(784111777)) == "Sun, 06 Nov 1994 08:49:37 GMT");  // RFC 9110 5.6.7
    CHECK(http_date(at(0)) == "Thu, 01 Jan 1970 00:00:00 GMT");
    CHECK(http_date(at(951782399)) == "Mon, 28 Feb 2000 23:59:59 GMT");
    CHECK(http_date(at(951782400)) == "Tue, 29 Feb 2000 00:00:00 GMT");
    CHECK(http_date(at(1767225599) + std::chrono::milliseconds(999)) ==
          "Wed, 31 Dec 2025 23:59:59 GMT");
    CHECK(http_date(at(-1)) == "Wed, 31 Dec 1969 23:59:59 GMT");
}

TEST_CASE("the three forms of HTTP-date mean the same time", "[http]") {
    CHECK(read("Sun, 06 Nov 1994 08:49:37 GMT") == example);
    CHECK(read("Sunday, 06-Nov-94 08:49:37 GMT") == example);
    CHECK(read("Sun Nov  6 08:49:37 1994") == example);
    CHECK(read("Wed Nov 16 08:49:37 1994") == example + std::chrono::days(10));
    CHECK(read("Thu, 01 Jan 1970 00:00:00 GMT") == sys_seconds());
    CHECK(read("Thu, 01 Jan 0000 00:00:00 GMT") == sys_days(std::chrono::year(0) / 1 / 1));
    CHECK(read("Fri, 31 Dec 9999 23:59:59 GMT") ==
          sys_days(std::chrono::year(9999) / 12 / 31) + 24h - 1s);

    const char* const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (unsigned month = 1; month <= 12; ++month) {
        const auto date = sys_days(std::chrono::year(1995) / std::chrono::month(month) / 28);
        CHECK(read(std::string("Mon, 28 ") + months[month - 1] + " 1995 08:49:37 GMT") ==
              date + 8h + 49min + 37s);
    }
    for (const char* const day : {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"})
        CHECK(read(std::string(day) + ", 06 Nov 1994 08:49:37 GMT") == example);
    for (const char* const day :
         {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"})
        CHECK(read(std::string(day) + ", 06-Nov-94 08:49:37 GMT") == example);
    CHECK(read("Thu, 29 Feb 1996 00:00:00 GMT"));
    // A leap second is the second after.
    CHECK(read("Sat, 31 Dec 1994 23:59:60 GMT") == read("Sun, 01 Jan 1995 00:00:00 GMT"));
}

TEST_CASE("a date that is written is read as the same time", "[http]") {
    for (const std::int64_t seconds : {784111777, 0, 951782399, 951782400, 1767225599, -1})
        CHECK(read(http_date(at(seconds))) == at(seconds));
}

TEST_CASE("a date that is in none of the three forms is not read", "[http]") {
    const auto text = GENERATE(
        as<std::string_view>{}, "", "5", "Sun, 06 Nov 1994 08:49:38", "Sun, 06 Nov 1994 08:49:38 ",
        "Sun, 06 Nov 1994 08:49:38 UTC", "Sun, 06 Nov 1994 08:49:38 +0000",
        "Sun, 06 Nov 1994 08:49:38 GMT ", "Sun, 06 Nov 1994 08:49:38 GMTx",
        "sun, 06 Nov 1994 08:49:38 GMT", "Sun, 06 nov 1994 08:49:38 GMT",
        "Sun 06 Nov 1994 08:49:38 GMT", "Sun, 6 Nov 1994 08:49:38 GMT",
        "Sun, 06 Nov 94 08:49:38 GMT", "06 Nov 1994 08:49:38 GMT", "Son, 06 Nov 1994 08:49:38 GMT",
        "Sun, 06 Nox 1994 08:49:38 GMT", "Sun, 31 Nov 1994 08:49:38 GMT",
        "Sun, 00 Nov 1994 08:49:38 GMT", "Sun, 29 Feb 1995 08:49:38 GMT",
        "Sun, 06 Nov 1994 24:49:38 GMT", "Sun, 06 Nov 1994 08:60:38 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1994 8:49:38 GMT",
        "Sun, -6 Nov 1994 08:49:38 GMT", "Mon, 07 Nov 1994 -8:49:38 GMT",
        "Mon, 07 Nov 1994 08:-9:38 GMT", "Sun, 06 Nov -994 08:49:38 GMT",
        "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 1994", "Sunday, 06 Nov 1994 08:49:38 GMT",
        "Sunday, 06-Nov-1994 08:49:38 GMT", "Sun, 06-Nov-94 08:49:38 GMT",
        "Sunday, 06-Nov-94 08:49:38", "Sunday, 06-Nov-94", "Sun Nov 6 08:49:38 1994",
        "Sun Nov  6 08:49:38 94", "Sun Nov  6 08:49:38 1994 GMT", "Sun, Nov  6 08:49:38 1994",
        "Sun Nov  06 08:49:38 1994", "Sun Nov  0 08:49:38 1994", "Sun, ", "S", "Sun",
        "1994-11-06T08:49:38Z");
    CAPTURE(text);
    CHECK_FALSE(read(text));
}

TEST_CASE("a year of two digits is the one less than 50 years away", "[http]") {
    const auto at = [](int year) { return sys_days(std::chrono::year(year) / 1 / 1) + 0s; };
    // 50 years ahead still counts as ahead, 51 as the century before.
    CHECK(read("Sunday, 01-Jan-76 00:00:00 GMT", at(2026)) == at(2076));
    CHECK(read("Sunday, 01-Jan-77 00:00:00 GMT", at(2026)) == at(1977));
    CHECK(read("Sunday, 01-Jan-25 00:00:00 GMT", at(2026)) == at(2025));
    // Over the turn of a century, either way.
    CHECK(read("Sunday, 01-Jan-00 00:00:00 GMT", at(2100) - 1s) == at(2100));
    CHECK(read("Sunday, 01-Jan-99 00:00:00 GMT", at(2101)) == at(2099));
}

}  // namespace
