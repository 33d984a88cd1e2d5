// SPDX-License-Identifier: BSL-1.0
// Filters that compare members of an event's JSON data.
#include "support/catch2.hpp"

#include <tidings/event_filter.hpp>
#include <tidings/event_json.hpp>

#include <string>

namespace tidings::test {

namespace {

event_ptr with_data(std::string_view data, std::string_view type = "application/json") {
    error_code ec;
    auto p = publication::make("orders.created", event("t", "/s", data, type), {}, ec);
    REQUIRE_FALSE(ec);
    return p;
}

bool equals(const event_ptr& p, std::string_view name, std::string_view value) {
    const auto f = event_filter::exact(name, value);
    CAPTURE(name, value);
    REQUIRE_FALSE(f.check());
    return f.matches(*p);
}

error_code refused(std::string_view name) {
    return event_filter::exact(name, "x").check();
}

std::string repeated(std::string_view text, std::size_t times) {
    std::string all;
    for (std::size_t i = 0; i < times; ++i) all += text;
    return all;
}

struct pose {
    int x = 0;
};
void to_json(nlohmann::json& j, const pose& p) {
    j = {{"x", p.x}};
}

constexpr std::string_view order = R"( {
  "state" : "paid" , "total":1.50, "paid":true,"open":false, "note":"", "none":null,
  "customer":{"name":"J\u00f6rg \"J\"","address":{"zip":"01067","lines":[{"zip":"x"}]}},
  "items":[{"sku":"a"},"b",["c"]], "empty":{}, "exp":-1e+3,
  "a.b":"dotted", "":"unnamed", "\u0073ku":"escaped"
} )";

}  // namespace

TEST_CASE("a filter compares members of JSON data by their path", "[event_filter]") {
    const auto p = with_data(order);
    CHECK(equals(p, "data.state", "paid"));
    CHECK_FALSE(equals(p, "data.state", "pai"));
    CHECK(equals(p, "data.total", "1.50"));
    CHECK_FALSE(equals(p, "data.total", "1.5"));
    CHECK(equals(p, "data.exp", "-1e+3"));
    CHECK(equals(p, "data.paid", "true"));
    CHECK(equals(p, "data.open", "false"));
    CHECK(equals(p, "data.customer.name", "J\xc3\xb6rg \"J\""));
    CHECK(equals(p, "data.customer.address.zip", "01067"));
    CHECK(equals(p, "data.sku", "escaped"));
    CHECK(event_filter::prefix("data.customer.address.zip", "01").matches(*p));
    CHECK(event_filter::suffix("data.customer.address.zip", "67").matches(*p));
    error_code ec;
    const auto parsed = event_filter::parse(
        R"([{"exact":{"data.state":"paid","type":"t"}},{"not":{"exact":{"data.open":"true"}}}])",
        ec);
    REQUIRE_FALSE(ec);
    CHECK(parsed.matches(*p));
    CHECK_FALSE(parsed.matches(*with_data(R"({"state":"open"})")));
    CHECK(event_filter::parse(parsed.json(), ec).json() == parsed.json());
}

TEST_CASE("what is no member with a plain value compares to nothing", "[event_filter]") {
    const auto p = with_data(order);
    for (const auto* name : {"data.missing", "data.state.x", "data.none", "data.empty",
                             "data.customer", "data.items", "data.items.0", "data.items.sku",
                             "data.customer.address.lines.zip", "data.a.b", "data.note"}) {
        CAPTURE(name);
        CHECK_FALSE(event_filter::prefix(name, "d").matches(*p));
        for (const auto* value : {"null", "x", "a", "dotted", "{}", "b"})
            CHECK_FALSE(equals(p, name, value));
        CHECK((!event_filter::exact(name, "x")).matches(*p));
    }
}

TEST_CASE("data that is not JSON compares to nothing", "[event_filter]") {
    const std::string_view member = R"({"a":"x"})";
    CHECK(equals(with_data(member), "data.a", "x"));
    CHECK(equals(with_data(member, "application/vnd.acme+json; charset=utf-8"), "data.a", "x"));
    for (const auto* type : {"text/plain", "application/octet-stream", "application/jsonl"})
        CHECK_FALSE(equals(with_data(member, type), "data.a", "x"));
    for (const std::string_view text :
         {"", "{", R"({"a":"x"}})", R"({"a":"x",})", "{\"a\":\"x\",\"b\":\"\xff\"}", "[]", "\"a\"",
          R"([{"a":"x"}])", "7", "{}", "{ }"}) {
        CAPTURE(text);
        CHECK_FALSE(equals(with_data(text), "data.a", "x"));
    }
    error_code ec;
    const auto bare = publication::make("a", event("t", "/s"), {}, ec);
    CHECK_FALSE(equals(bare, "data.a", "x"));
}

TEST_CASE("of members with one name the last counts, whatever follows it", "[event_filter]") {
    const auto p = with_data(R"({"a":"1","b":{"c":"1"},"a":"2","b":{"d":"2"},"\u0061":"3"})");
    CHECK(equals(p, "data.a", "3"));
    CHECK_FALSE(equals(p, "data.a", "2"));
    CHECK_FALSE(equals(p, "data.b.c", "1"));
    CHECK(equals(p, "data.b.d", "2"));
}

TEST_CASE("members whose names have one hash are told apart", "[event_filter]") {
    const auto p = with_data(R"({"costarring":"1","\u006c\u0069\u0071\u0075\u0069\u0064":"2"})");
    CHECK(equals(p, "data.costarring", "1"));
    CHECK(equals(p, "data.liquid", "2"));
    CHECK_FALSE(equals(with_data(R"({"liquid":"2"})"), "data.costarring", "2"));
    CHECK_FALSE(equals(with_data(R"({"costarring":"1"})"), "data.liquid", "1"));
}

TEST_CASE("a C++ value is compared as it is serialised", "[event_filter]") {
    error_code ec;
    const auto p = publication::make("a", event::of("t", "/s", pose{7}, as_json), {}, ec);
    REQUIRE_FALSE(ec);
    CHECK(equals(p, "data.x", "7"));
}

TEST_CASE("depth and number of the members that are looked at are bounded", "[event_filter]") {
    const auto path = "data" + repeated(".a", max_filter_path);
    const auto nested = [](std::size_t depth) {
        return repeated(R"({"a":)", depth) + R"("x")" + repeated("}", depth);
    };
    CHECK(equals(with_data(nested(max_filter_path)), path, "x"));
    CHECK_FALSE(equals(with_data(nested(max_filter_path + 1)), path, "x"));
    CHECK(refused(path + ".a") == errc::bad_filter);
    const auto deep = R"({"a":)" + nested(100'000) + R"(,"b":"x"})";
    CHECK(equals(with_data(deep), "data.b", "x"));

    const auto many = [](std::size_t count) {
        return R"({"list":[)" + repeated("{\"a\":1},", 5000) + "1]" +
               repeated(R"(,"m":"x")", count - 1) + "}";
    };
    CHECK(equals(with_data(many(max_filter_data_members)), "data.m", "x"));
    CHECK_FALSE(equals(with_data(many(max_filter_data_members + 1)), "data.m", "x"));
}

TEST_CASE("a path has names, and text in them", "[event_filter]") {
    CHECK_FALSE(refused("data.a"));
    CHECK_FALSE(refused("data.A-1 \xc3\xa4"));
    CHECK(refused("data." + repeated("\b", max_filter_bytes / 4)) ==
          errc::too_large);  // as written
    CHECK_FALSE(refused("data." + repeated("\b", max_filter_bytes / 8)));
    for (const auto* name :
         {"data", "data.", "data.a.", "data..a", "data.a..b", "a.b", "dat.a", "data.\xff"}) {
        CAPTURE(name);
        CHECK(refused(name) == errc::bad_filter);
    }
    error_code ec;
    event_filter::parse(R"({"exact":{"data.a":5}})", ec);
    CHECK(ec == errc::bad_filter);
    event_filter::parse(R"({"exact":{"type":"\ud800"}})", ec);
    CHECK(ec == errc::bad_filter);
}

TEST_CASE("data is read once, for all filters", "[event_filter]") {
    const auto& forms = detail::form_budget::of_process();
    const auto p = with_data(order);
    const auto before = forms.bytes();
    CHECK(equals(p, "data.state", "paid"));
    const auto read = forms.bytes();
    CHECK(read > before);
    CHECK(equals(p, "data.customer.address.zip", "01067"));
    CHECK_FALSE(equals(p, "data.missing", "x"));
    CHECK(forms.bytes() == read);
}

}  // namespace tidings::test
