// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/event_json.hpp>
#include <tidings/event_ptr.hpp>

#include <array>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace tidings::test {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

struct converts_to_text {
    operator std::string_view() const { return "converted"; }
};

template <class... Args>
concept makes_event = requires(Args... args) {
    event(args...);
};

// The overload table: what is no data of itself does not compile.
static_assert(makes_event<const char*, const char*>);
static_assert(makes_event<const char*, const char*, std::string>);
static_assert(makes_event<const char*, const char*, json>);
static_assert(makes_event<const char*, const char*, std::vector<std::byte>, const char*>);
static_assert(!makes_event<const char*, const char*, int>);
static_assert(!makes_event<const char*, const char*, bool>);
static_assert(!makes_event<const char*, const char*, std::nullptr_t>);
static_assert(!makes_event<const char*, const char*, std::vector<std::byte>>);
static_assert(!makes_event<const char*, const char*, std::vector<int>>);
static_assert(!makes_event<const char*, const char*, std::map<std::string, int>>);
static_assert(!makes_event<const char*, const char*, event>);
static_assert(!makes_event<const char*, const char*, int, const char*>);

TEST_CASE("braces make JSON: an object of pairs, an array of the rest, null of nothing",
          "[event]") {
    CHECK(event{"t", "/s", {{"total", 99}}}.text() == R"({"total":99})");
    CHECK(event{"t", "/s", {{"name", "bob"}}}.text() == R"({"name":"bob"})");
    CHECK(event{"t", "/s", {{"a", {{"b", {1, 2}}}}}}.text() == R"({"a":{"b":[1,2]}})");
    CHECK(event{"t", "/s", {"total", 99}}.text() == R"(["total",99])");
    CHECK(event{"t", "/s", {1, 2, 3}}.text() == "[1,2,3]");
    CHECK(event{"t", "/s", {"one"}}.text() == R"(["one"])");
    CHECK(event{"t", "/s", {}}.text() == "null");
    CHECK(event{"t", "/s", {{"total", 99}}}.content_type() == "application/json");
    const json j{{"x", 1}};
    CHECK(event{"t", "/s", {j}}.text() == R"({"x":1})");
    CHECK(event{"t", "/s", {{j}}}.text() == R"([[{"x":1}]])");
}

TEST_CASE("type and source that were swapped are refused", "[event][fault-20]") {
    CHECK(event("/shop", "com.acme.order.created").check() == errc::event_bad_type);
    CHECK(event("com.acme.order.created", "my shop").check() == errc::event_bad_source);
    CHECK(event("com.acme.order.created", " ").check() == errc::event_bad_source);
    CHECK(event("/", "/").check() == errc::event_bad_type);
    CHECK_FALSE(event("a/b", "shop").check());
    CHECK_FALSE(event("an event", "https://shop.example/a%20b?c#d").check());
}

TEST_CASE("json keeps its order if it is an ordered one", "[event]") {
    CHECK(event{"t", "/s", json::parse(R"({"b":1,"a":2})")}.text() == R"({"a":2,"b":1})");
    CHECK(event{"t", "/s", ordered_json::parse(R"({"b":1,"a":2})")}.text() == R"({"b":1,"a":2})");
}

TEST_CASE("text stays text, in whatever it comes", "[event]") {
    const std::string owned = "text";
    for (const auto& e : {event{"t", "/s", "text"}, event{"t", "/s", owned},
                          event{"t", "/s", std::string_view(owned)}}) {
        CHECK(e.text() == "text");
        CHECK(e.content_type() == "text/plain; charset=utf-8");
    }
    CHECK(event{"t", "/s", converts_to_text()}.text() == "converted");
    const event named{"t", "/s", R"({"a":1})", "application/json"};
    CHECK(named.text() == R"({"a":1})");
    CHECK(named.content_type() == "application/json");
    CHECK(event("t", "/s", "").has_data());
    const event with_nul("t", "/s", std::string("a\0b", 3));
    CHECK(with_nul.text().size() == 3);
}

TEST_CASE("bytes name their media type", "[event]") {
    const std::vector<std::byte> bytes{std::byte{0}, std::byte{0xff}};
    const event e{"t", "/s", bytes, "application/octet-stream"};
    CHECK(e.text() == std::string("\0\xff", 2));
    CHECK(e.data().size() == 2);
    CHECK(e.content_type() == "application/octet-stream");
    CHECK(event("t", "/s", std::span<const std::byte>(), "x/y").has_data());
}

TEST_CASE("an event without data has none", "[event]") {
    const event e{"t", "/s"};
    CHECK_FALSE(e.has_data());
    CHECK(e.text().empty());
    CHECK(e.content_type().empty());
    CHECK(e.get<int>() == nullptr);
}

TEST_CASE("attributes are set on a name and on a temporary", "[event]") {
    event e{"t", "/s"};
    e.id("i").subject("sub").data_schema("sch").time(event_time{}).extension("ext", 7);
    CHECK(e.id() == "i");
    CHECK(e.subject() == "sub");
    CHECK(e.data_schema() == "sch");
    CHECK(e.time() == event_time{});
    CHECK(std::get<std::int32_t>(*e.extension("ext")) == 7);
    const auto moved = event{"t", "/s", "x"}.id("i").type("u").source("/v").extension("b", true);
    CHECK(moved.type() == "u");
    CHECK(moved.source() == "/v");
    CHECK(std::get<bool>(*moved.extension("b")));
    CHECK(moved.text() == "x");
    e.extension("ext", std::string("again")).extension("other", false);
    CHECK(std::get<std::string>(*event("t", "/s").extension("of", e.id()).extension("of")) == "i");
    CHECK(std::get<std::string>(*event("t", "/s").extension("of", "text").extension("of")) ==
          "text");
    CHECK(std::get<std::string>(*e.extension("ext")) == "again");
    CHECK(e.extensions().size() == 2);
    CHECK(e.extension("none") == nullptr);
}

TEST_CASE("what CloudEvents forbids is found when the event is checked", "[event]") {
    CHECK_FALSE(event("t", "/s").check());
    CHECK(event("", "/s").check() == errc::event_without_type);
    CHECK(event("t", "").check() == errc::event_without_source);
    for (const auto* name :
         {"", "A", "a-b", "a_b", "a b", "\xc3\xa4", "data", "id", "source", "type", "specversion",
          "subject", "time", "dataschema", "datacontenttype"}) {
        INFO(name);
        CHECK(event("t", "/s").extension(name, "x").check() == errc::event_bad_attribute_name);
    }
    for (const auto* name : {"a", "0", "a1b2", "topic", "database"}) {
        INFO(name);
        CHECK_FALSE(event("t", "/s").extension(name, "x").check());
    }
    // Controls C0, DEL and C1; noncharacters; surrogates; what is not UTF-8.
    for (const std::string& bad :
         {std::string("\0", 1), std::string("\n"), std::string("\x1f"), std::string("\x7f"),
          std::string("\xc2\x80"), std::string("\xc2\x9f"), std::string("\xef\xbf\xbe"),
          std::string("\xef\xb7\x90"), std::string("\xef\xb7\xaf"), std::string("\xf0\x9f\xbf\xbf"),
          std::string("\xed\xa0\x80"), std::string("\x80"), std::string("\xc3"),
          std::string("\xc0\xaf"), std::string("\xe0\x80\xaf"), std::string("\xf4\x90\x80\x80"),
          std::string("\xff")}) {
        INFO(bad);
        CHECK(event("t" + bad, "/s").check() == errc::event_bad_attribute_value);
        CHECK(event("t", "/s" + bad).check() == errc::event_bad_attribute_value);
        CHECK(event("t", "/s").id(bad).check() == errc::event_bad_attribute_value);
        CHECK(event("t", "/s").subject(bad).check() == errc::event_bad_attribute_value);
        CHECK(event("t", "/s").data_schema(bad).check() == errc::event_bad_attribute_value);
        CHECK(event("t", "/s").extension("x", bad).check() == errc::event_bad_attribute_value);
        CHECK(event("t", "/s", "x", bad).check() == errc::event_bad_attribute_value);
        CHECK_FALSE(event("t", "/s", bad).check());  // data may be anything
    }
    for (const std::string good :
         {" ", "~", "\xc2\xa0", "\xc3\xa4", "\xe2\x82\xac", "\xef\xbf\xbd", "\xf0\x9f\x98\x80",
          "\xef\xb7\x8f", "\xef\xb7\xb0", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbd"}) {
        INFO(good);
        CHECK_FALSE(event("t", "/s").subject(good).check());
    }
}

TEST_CASE("a character that an attribute may not hold is found wherever it stands", "[event]") {
    const auto check = [](std::string_view text) { return event("t", "/s").id(text).check(); };
    for (std::size_t size = 1; size <= 26; ++size) {
        const std::string fine = std::string(size / 2, '~') + std::string(size - size / 2, ' ');
        REQUIRE_FALSE(check(fine));
        for (std::size_t at = 0; at < size; ++at)
            for (const char c : {'\0', '\x01', '\x1f', '\x7f', '\x80', '\xff'}) {
                auto bad = fine;
                bad[at] = c;
                if (check(bad) != errc::event_bad_attribute_value)
                    FAIL("byte " << int(c) << " at " << at << " of " << size);
            }
        REQUIRE_FALSE(check(fine + "\xc3\xa9"));
    }
}

TEST_CASE("a time outside the years that can be written is refused", "[event]") {
    using namespace std::chrono;
    const auto at = [](int y, unsigned m, unsigned d) {
        return event("t", "/s").time(sys_days(year(y) / month(m) / day(d))).check();
    };
    CHECK_FALSE(at(0, 1, 1));
    CHECK_FALSE(at(9999, 12, 31));
    CHECK(at(-1, 12, 31) == errc::event_bad_time);
    CHECK(at(10000, 1, 1) == errc::event_bad_time);
    CHECK_FALSE(event("t", "/s").time(sys_days(year(10000) / 1 / 1) - microseconds(1)).check());
}

TEST_CASE("JSON with text that is not UTF-8 is reported, and replaced by other data", "[event]") {
    event e{"t", "/s", json{{"a", "\xff"}}};
    CHECK(e.check() == errc::invalid_utf8);
    e.data("x", "text/plain");
    CHECK_FALSE(e.check());
    CHECK(e.text() == "x");
}

}  // namespace

}  // namespace tidings::test
