// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/event_filter.hpp>

#include <optional>
#include <string>

namespace tidings::test {

namespace {

event push_event() {
    return event("com.github.push", "https://example.com/cloudevents/spec/push")
        .subject("https://github.com/cloudevents/spec")
        .id("A234-1234-1234");
}

bool matches(const event_filter& f, event e, std::string_view topic = "orders.created") {
    error_code ec;
    const auto p = publication::make(topic, std::move(e), {}, ec);
    REQUIRE_FALSE(ec);
    return f.matches(*p);
}

event_filter parsed(std::string_view json) {
    error_code ec;
    auto f = event_filter::parse(json, ec);
    CAPTURE(json, ec.message());
    REQUIRE_FALSE(ec);
    return f;
}

error_code refused(std::string_view json) {
    error_code ec;
    CHECK(event_filter::parse(json, ec).empty());
    return ec;
}

// CloudEvents Subscriptions API, 3.2.4.1.1, as printed there.
constexpr std::string_view exact_example =
    R"({ "exact": { "type": "com.github.push", "subject": "https://github.com/cloudevents/spec" } })";
constexpr std::string_view prefix_example =
    R"({ "prefix": { "type": "com.github.", "subject": "https://github.com/cloudevents" } })";
constexpr std::string_view suffix_example =
    R"({ "suffix": { "type": ".created", "subject": "/cloudevents/spec" } })";
constexpr std::string_view all_example = R"({
  "all": [
    { "exact": { "type": "com.github.push" } },
    { "exact": { "subject": "https://github.com/cloudevents/spec" } }
  ]
})";
constexpr std::string_view any_example = R"({
  "any": [
    { "exact": { "type": "com.github.push" } },
    { "exact": { "subject": "https://github.com/cloudevents/spec" } }
  ]
})";
constexpr std::string_view not_example = R"({
  "not": { "exact": { "type": "com.github.push" } }
})";

TEST_CASE("the examples of the specification say what it says", "[event_filter]") {
    auto created = push_event().type("com.github.created");
    auto elsewhere = push_event().subject("https://github.com/other");

    CHECK(matches(parsed(exact_example), push_event()));
    CHECK_FALSE(matches(parsed(exact_example), created));
    CHECK_FALSE(matches(parsed(exact_example), elsewhere));

    CHECK(matches(parsed(prefix_example), push_event()));
    CHECK(matches(parsed(prefix_example), created));
    CHECK_FALSE(matches(parsed(prefix_example), elsewhere));

    CHECK(matches(parsed(suffix_example), created));
    CHECK_FALSE(matches(parsed(suffix_example), push_event()));

    CHECK(matches(parsed(all_example), push_event()));
    CHECK_FALSE(matches(parsed(all_example), created));

    CHECK(matches(parsed(any_example), push_event()));
    CHECK(matches(parsed(any_example), created));
    CHECK_FALSE(matches(parsed(any_example), elsewhere.type("com.github.created")));

    CHECK_FALSE(matches(parsed(not_example), push_event()));
    CHECK(matches(parsed(not_example), created));
}

TEST_CASE("case matters, and a part of a value is not the value", "[event_filter]") {
    CHECK_FALSE(matches(event_filter::exact("type", "Com.github.push"), push_event()));
    CHECK_FALSE(matches(event_filter::exact("type", "com.github"), push_event()));
    CHECK_FALSE(matches(event_filter::prefix("type", "com.github.push.x"), push_event()));
    CHECK_FALSE(matches(event_filter::suffix("type", "x.com.github.push"), push_event()));
    CHECK(matches(event_filter::prefix("type", "com.github.push"), push_event()));
    CHECK(matches(event_filter::suffix("type", "com.github.push"), push_event()));
}

TEST_CASE("every attribute is compared, extensions and the topic included", "[event_filter]") {
    const auto e = [] {
        return event("t", "/s", "x", "text/csv")
            .id("7")
            .data_schema("/schema")
            .time(event_time(std::chrono::seconds(1)))
            .extension("tenant", "acme")
            .extension("urgent", true)
            .extension("count", std::int32_t(-42));
    };
    for (const auto& [name, value] : {std::pair{"id", "7"},
                                      {"source", "/s"},
                                      {"type", "t"},
                                      {"time", "1970-01-01T00:00:01Z"},
                                      {"dataschema", "/schema"},
                                      {"datacontenttype", "text/csv"},
                                      {"specversion", "1.0"},
                                      {"tenant", "acme"},
                                      {"urgent", "true"},
                                      {"count", "-42"},
                                      {"topic", "orders.created"}}) {
        CAPTURE(name);
        CHECK(matches(event_filter::exact(name, value), e()));
        CHECK_FALSE(matches(event_filter::exact(name, "other"), e()));
    }
}

TEST_CASE("an attribute that is absent compares to nothing", "[event_filter]") {
    const auto bare = [] { return event("t", "/s"); };
    for (const auto* name : {"subject", "dataschema", "datacontenttype", "tenant"}) {
        CAPTURE(name);
        CHECK_FALSE(matches(event_filter::exact(name, "x"), bare()));
        CHECK_FALSE(matches(event_filter::prefix(name, "x"), bare()));
        CHECK_FALSE(matches(event_filter::suffix(name, "x"), bare()));
        CHECK(matches(!event_filter::exact(name, "x"), bare()));
    }
}

TEST_CASE("a filter without an expression lets everything through", "[event_filter]") {
    CHECK(event_filter().empty());
    CHECK(matches(event_filter(), push_event()));
    CHECK(event_filter().json() == "[]");
    CHECK(parsed(" [ ] ").empty());
}

TEST_CASE("what is built and what is read are the same, and so is what is written",
          "[event_filter]") {
    const auto built = event_filter::all({event_filter::exact("type", "a\"b"),
                                          event_filter::any({event_filter::prefix("source", "/x"),
                                                             !event_filter::suffix("ext", "é")})});
    const std::string text =
        R"({"all":[{"exact":{"type":"a\"b"}},{"any":[{"prefix":{"source":"/x"}},{"not":{"suffix":{"ext":"é"}}}]}]})";
    CHECK(built.json() == text);
    CHECK(parsed(text).json() == text);
    CHECK(
        parsed(exact_example).json() ==
        R"({"exact":{"type":"com.github.push","subject":"https://github.com/cloudevents/spec"}})");
}

TEST_CASE("an array of filters, as a subscription has it, wants all of them", "[event_filter]") {
    const auto f = parsed(R"([{"prefix":{"type":"com."}},{"suffix":{"type":".push"}}])");
    CHECK(matches(f, push_event()));
    CHECK_FALSE(matches(f, push_event().type("com.github.created")));
    CHECK(parsed(R"([{"exact":{"type":"x"}}])").json() == R"({"exact":{"type":"x"}})");
}

TEST_CASE("a malformed filter is refused with its own error", "[event_filter]") {
    CHECK(refused("") == errc::invalid_json);
    CHECK(refused("{") == errc::invalid_json);
    CHECK(refused("{\"exact\":{\"type\":\"\xff\"}}") == errc::invalid_json);
    CHECK(refused(R"({"sql":"source LIKE '%cloudevents%'"})") == errc::unsupported_filter);
    CHECK(refused(R"({"regex":{"type":"x"}})") == errc::unsupported_filter);
    CHECK(refused(R"({"all":[{"exact":{"type":"x"}},{"sql":"TRUE"}]})") ==
          errc::unsupported_filter);
    for (const auto* bad : {"7",
                            "null",
                            "\"exact\"",
                            "{}",
                            R"({"exact":{}})",
                            R"({"exact":"x"})",
                            R"({"exact":[]})",
                            R"({"exact":{"type":""}})",
                            R"({"exact":{"":"x"}})",
                            R"({"exact":{"Type":"x"}})",
                            R"({"exact":{"data":"x"}})",
                            R"({"exact":{"count":5}})",
                            R"({"exact":{"type":null}})",
                            R"({"all":[]})",
                            R"({"any":{}})",
                            R"({"not":[]})",
                            R"({"not":{}})",
                            R"({"all":[5]})",
                            R"({"exact":{"type":"x"},"prefix":{"type":"y"}})",
                            "[7]"}) {
        CAPTURE(bad);
        CHECK(refused(bad) == errc::bad_filter);
    }
    CHECK(event_filter::exact("Type", "x").check() == errc::bad_filter);
    CHECK(event_filter::exact("type", "").check() == errc::bad_filter);
    CHECK(event_filter::all({}).check() == errc::bad_filter);
    CHECK((!event_filter()).check() == errc::bad_filter);
    CHECK(event_filter::any({event_filter::exact("type", "")}).check() == errc::bad_filter);
    CHECK_FALSE(matches(!event_filter::exact("type", ""), push_event()));
}

std::string nested(std::size_t depth) {
    std::string text = R"({"exact":{"type":"x"}})";
    for (std::size_t i = 1; i < depth; ++i) text = R"({"all":[)" + text + "]}";
    return text;
}

TEST_CASE("depth, number and bytes are bounded, as read and as built", "[event_filter]") {
    CHECK_FALSE(parsed(nested(max_filter_depth)).empty());
    CHECK(refused(nested(max_filter_depth + 1)) == errc::too_large);
    CHECK(refused(std::string(100'000, '[')) == errc::too_large);

    const auto one = event_filter::exact("type", "x");  // the expression, and what it compares
    CHECK_FALSE(event_filter::all(std::vector((max_filter_nodes - 1) / 2, one)).check());
    const auto many = event_filter::any(std::vector(max_filter_nodes / 2, one));
    CHECK(many.check() == errc::too_large);
    CHECK(refused(many.json()) == errc::too_large);

    const std::string value(max_filter_bytes - 22, 'x');
    CHECK(refused(R"({"exact":{"type":")" + value + "yy\"}}") == errc::too_large);
    CHECK(event_filter::exact("type", value + "yy").check() == errc::too_large);
    auto deep = one;
    for (std::size_t i = 0; i < max_filter_depth; ++i) deep = !deep;
    CHECK(deep.check() == errc::too_large);
}

}  // namespace

}  // namespace tidings::test
