// SPDX-License-Identifier: BSL-1.0
#include <tidings/http/impl/message/percent.hpp>

#include "support/catch2.hpp"

#include <string>
#include <string_view>

namespace {

using namespace std::string_view_literals;
using tidings::errc;
using tidings::error_code;
using tidings::http::parse_query;
using tidings::http::percent_decode;
using tidings::http::percent_encode;
using tidings::http::query_parameters;

TEST_CASE("a percent sign without two hexadecimal digits is refused", "[http]") {
    const auto text = GENERATE(as<std::string_view>{}, "%", "%4", "a%", "a%4", "%g1", "%1g", "%%41",
                               "%+1", "% 1", "%0x", "%u0041", "ok%41%4", "%\xff\xff", "%4\0"sv);
    CAPTURE(text);
    error_code ec;
    CHECK(percent_decode(text, ec).empty());
    CHECK(ec == errc::bad_request);

    CHECK(parse_query(std::string("a=b&") += text, ec).empty());
    CHECK(ec == errc::bad_request);
    CHECK(parse_query(std::string("a=") += text, ec).empty());
    CHECK(ec == errc::bad_request);
    CHECK(parse_query(std::string(text) += "=b&c=d", ec).empty());
    CHECK(ec == errc::bad_request);
}

TEST_CASE("escapes become bytes once, and nothing else changes", "[http]") {
    const auto [text, bytes] = GENERATE(table<std::string_view, std::string_view>({
        {"", ""},
        {"plain", "plain"},
        {"%41", "A"},
        {"a%2Fb%2fc", "a/b/c"},
        {"%2541", "%41"},
        {"1+1%2b1", "1+1+1"},
        {"%00%ff", "\0\xff"sv},
        {"%c3%a9", "\xc3\xa9"},
        {"raw \xc3\xa9", "raw \xc3\xa9"},
    }));
    CAPTURE(text);
    error_code ec = errc::closed;
    CHECK(percent_decode(text, ec) == bytes);
    CHECK_FALSE(ec);
}

TEST_CASE("everything but unreserved characters is escaped, and comes back", "[http]") {
    constexpr auto unreserved =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"sv;
    CHECK(percent_encode(unreserved) == unreserved);
    CHECK(percent_encode("a b/c?d=e&f%+\n\xc3\xa9\x7f"sv) ==
          "a%20b%2Fc%3Fd%3De%26f%25%2B%0A%C3%A9%7F");

    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    const auto text = percent_encode(bytes);
    CHECK(text.size() == 66 + 190 * 3);
    error_code ec;
    CHECK(percent_decode(text, ec) == bytes);
}

TEST_CASE("a query is read into its names and values in order", "[http]") {
    const auto [text, expected] = GENERATE(table<std::string_view, query_parameters>({
        {"", {}},
        {"&", {}},
        {"&&a=1&&", {{"a", "1"}}},
        {"a=b&c=d", {{"a", "b"}, {"c", "d"}}},
        {"a=1&a=2", {{"a", "1"}, {"a", "2"}}},
        {"a", {{"a", ""}}},
        {"a=", {{"a", ""}}},
        {"=", {{"", ""}}},
        {"=v", {{"", "v"}}},
        {"a=b=c", {{"a", "b=c"}}},
        {"a+b=c+d%2B", {{"a b", "c d+"}}},
        {"a%3Db%26=%3d%26", {{"a=b&", "=&"}}},
        {"a;b=c", {{"a;b", "c"}}},
    }));
    CAPTURE(text);
    error_code ec = errc::closed;
    CHECK(parse_query(text, ec) == expected);
    CHECK_FALSE(ec);
}

}  // namespace
