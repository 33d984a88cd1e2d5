// SPDX-License-Identifier: BSL-1.0
#include <tidings/http/message.hpp>

#include "support/catch2.hpp"

#include <iterator>

using namespace tidings;

TEST_CASE("Fields are found without regard to case, the first of a name first", "[http]") {
    const http::fields f{{"A", "1"}, {"b", "2"}, {"a", "3"}, {"empty", ""}};
    CHECK(f.find("a") == "1");
    CHECK(f.get("B") == "2");
    CHECK(f.get("c").empty());
    CHECK_FALSE(f.find("c").has_value());
    CHECK(f.find("EMPTY").has_value());
    CHECK(f.joined("a") == "1, 3");
    CHECK(f.joined("c").empty());
    CHECK(f.count("a") == 2);
    CHECK(f.size() == 4);
    // Only letters have a case.
    CHECK_FALSE(http::fields{{"x@", "1"}}.find("x`").has_value());
    CHECK_FALSE(http::fields{{"ab", "1"}}.find("a").has_value());
}

TEST_CASE("Joined values keep empty ones apart", "[http]") {
    CHECK(http::fields{{"a", ""}, {"a", "x"}, {"a", ""}}.joined("a") == ", x, ");
}

TEST_CASE("Setting a field replaces all of that name", "[http]") {
    http::fields f{{"a", "1"}, {"b", "2"}, {"A", "3"}};
    f.set("a", "4").append("c", "5");
    CHECK(f.joined("a") == "4");
    CHECK(f.size() == 3);
    f.set("d", f.get("b"));
    f.set("b", f.get("b"));  // from itself
    CHECK(f.get("b") == "2");
    f.erase("B");
    CHECK(f.count("b") == 0);
    CHECK(f.get("d") == "2");
    CHECK_FALSE(f.empty());
}

TEST_CASE("Setting a field that is there once keeps its place", "[http]") {
    http::fields f{{"a", "1"}, {"b", "2"}, {"c", "3"}};
    f.set("b", std::string(40, 'x'));
    CHECK(std::next(f.begin())->second == std::string(40, 'x'));
    f.set("b", f.get("b").substr(38));  // a part of itself
    CHECK(std::next(f.begin())->second == "xx");
    f.set("B", "4");  // by another spelling
    CHECK(f.count("b") == 1);
    CHECK(std::prev(f.end())->first == "B");
    f.clear();
    f.set("a", "5").set("a", "6").set("b", "7");
    CHECK(f.size() == 2);
    CHECK(f.get("a") == "6");
    CHECK(f.get("b") == "7");
}

TEST_CASE("A target has a path and a query", "[http]") {
    http::request r;
    CHECK(r.path() == "/");
    CHECK(r.query().empty());
    r.target = "/a/b?c?d=/e";
    CHECK(r.path() == "/a/b");
    CHECK(r.query() == "c?d=/e");
    r.target = "/a?";
    CHECK(r.path() == "/a");
    CHECK(r.query().empty());
}

TEST_CASE("A problem is JSON whatever the peer put into it", "[http]") {
    const auto plain = http::problem(404, "Not Found");
    CHECK(plain.status == 404);
    CHECK(plain.fields.get("content-type") == "application/problem+json");
    CHECK(plain.body == R"({"title":"Not Found","status":404})");
    const auto body = [](std::string_view detail) { return http::problem(400, "x", detail).body; };
    const auto with = [](const std::string& detail) {
        return R"({"title":"x","status":400,"detail":")" + detail + "\"}";
    };
    const std::string bad = "\xef\xbf\xbd";
    CHECK(body("a\"b\\c\n") == with(R"(a\"b\\c\n)"));
    CHECK(body("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80") ==
          with("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"));
    CHECK(body("a\xff") == with("a" + bad));
    CHECK(body("\xc3") == with(bad));
    CHECK(body("\xc3\xa4\xe2\x82") == with("\xc3\xa4" + bad + bad));
    CHECK(body("\xe2\x82"
               "abc") == with(bad + bad + "abc"));
    CHECK(body("\xed\xa0\x80") == with(bad + bad + bad));
}

TEST_CASE("A status has its phrase", "[http]") {
    CHECK(http::reason_phrase(100) == "Continue");
    CHECK(http::reason_phrase(200) == "OK");
    CHECK(http::reason_phrase(429) == "Too Many Requests");
    CHECK(http::reason_phrase(505) == "HTTP Version Not Supported");
    for (const unsigned s : {0U, 99U, 102U, 299U, 418U, 506U, 1000U})
        CHECK(http::reason_phrase(s).empty());
}

TEST_CASE("Fields that were cleared are gone, and what is appended takes their memory", "[http]") {
    http::fields f{{"a", "1"}, {"b", "2"}, {"c", std::string(40, 'x')}};
    const auto* const memory = f.begin()->first.data();
    f.clear();
    CHECK(f.empty());
    CHECK(f.begin() == f.end());
    CHECK_FALSE(f.find("a"));
    CHECK(f.count("b") == 0);
    f.append("d", "4");
    CHECK(f.begin()->first.data() == memory);
    CHECK(f.size() == 1);
    CHECK(f.joined("d") == "4");
    CHECK_FALSE(f.find("b"));
    f.set("e", "5");
    CHECK(f.joined("e") == "5");
    f.erase("d");
    CHECK(f.size() == 1);
    const auto copy = f;
    CHECK(copy.size() == 1);
    auto moved = std::move(f);
    CHECK(moved.get("e") == "5");
    f = copy;
    CHECK(f.get("e") == "5");
}

TEST_CASE("Fields that were cleared keep no memory of long texts", "[http]") {
    http::fields f;
    f.append("long", std::string(1000, 'x'));
    f.clear();
    f.append("short", "x");
    CHECK(f.begin()->second.capacity() <= 64);
    CHECK(f.get("short") == "x");
}
