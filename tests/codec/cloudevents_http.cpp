// SPDX-License-Identifier: BSL-1.0
#include "support/codec_events.hpp"

#include <tidings/codec/cloudevents_http.hpp>
#include <tidings/event_json.hpp>

#include <algorithm>
#include <string>

namespace tidings::test {

namespace {

struct message {
    http::fields fields;
    std::string body;
};

message written(const event_ptr& p) {
    message m;
    error_code ec;
    const auto* body = write_binary_event(*p, m.fields, ec);
    REQUIRE_FALSE(ec);
    REQUIRE(body != nullptr);
    m.body = *body;
    return m;
}

wire_event read(const http::fields& f, std::string body = {}) {
    error_code ec;
    auto out = read_http_event(f, std::move(body), ec);
    INFO(ec.message());
    REQUIRE_FALSE(ec);
    return out;
}

/// The fields of an event, and more.
http::fields with(std::vector<http::fields::value_type> more) {
    http::fields f{
        {"ce-specversion", "1.0"}, {"ce-id", "1"}, {"ce-source", "/s"}, {"ce-type", "t"}};
    for (const auto& [name, value] : more) f.append(name, value);
    return f;
}

error_code error_of(const http::fields& f, std::string body = {}) {
    error_code ec;
    read_http_event(f, std::move(body), ec);
    return ec;
}

TEST_CASE("the binary mode is as it stands here", "[codec][cloudevents]") {
    auto e = full_event();
    e.extension("flag", true).extension("number", -7).extension("text", "a\"b \xe2\x82\xac");
    const auto m = written(frozen(std::move(e), "orders.1", full_info()));
    const std::vector<http::fields::value_type> expected{
        {"ce-specversion", "1.0"},
        {"ce-id", "A234-1234-1234"},
        {"ce-source", "/shop?a=1"},
        {"ce-type", "com.acme.order"},
        {"ce-time", "2026-01-02T03:00:00.25Z"},
        {"ce-subject", "order%20%227%22%20100%25"},
        {"ce-dataschema", "https://acme.example/schema"},
        {"ce-flag", "true"},
        {"ce-number", "-7"},
        {"ce-text", "a%22b%20%E2%82%AC"},
        {"ce-topic", "orders.1"},
        {"ce-position", "epoch:17"},
        {"ce-hops", "3"},
        {"Content-Type", "application/json"}};
    CHECK(std::equal(m.fields.begin(), m.fields.end(), expected.begin(), expected.end()));
    CHECK(m.body == R"({"total": 99})");
}

TEST_CASE("every attribute comes back in binary mode", "[codec][cloudevents]") {
    auto e = full_event();
    e.extension("text", "!~ \xc3\xa4\xf0\x9f\x98\x80 %41 \"q\" \\");
    const auto p = frozen(std::move(e), "orders.\xc3\xa4", full_info());
    const auto m = written(p);
    for (const auto& [name, value] : m.fields)
        CHECK(
            std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c < '\x7f'; }));
    const auto out = read(m.fields, m.body);
    check_same_attributes(out.event, *p);
    CHECK(out.topic == p->topic());
    CHECK(out.position == "epoch:17");
    CHECK(out.hops == 3);
    CHECK(*out.event.extension("text") == *p->extension("text"));
    CHECK(out.event.extensions().size() == 1);
}

TEST_CASE("data of every kind comes back byte for byte in binary mode", "[codec][cloudevents]") {
    for (const auto& s : samples()) {
        INFO(s.content_type << ": " << s.bytes.substr(0, 40));
        const auto m = written(frozen(event{"t", "/s", s.bytes, s.content_type}));
        CHECK((m.body == s.bytes));
        const auto out = read(m.fields, m.body);
        CHECK(out.event.has_data());
        CHECK((out.event.text() == s.bytes));
        CHECK(out.event.content_type() == s.content_type);
    }
    const auto m = written(frozen(event{"t", "/s"}));
    CHECK_FALSE(m.fields.find("content-type"));
    CHECK_FALSE(read(m.fields, m.body).event.has_data());
}

TEST_CASE("a C++ value needs a serialiser for binary mode, too", "[codec][cloudevents]") {
    http::fields f;
    error_code ec;
    CHECK(write_binary_event(*frozen(event::of("t", "/s", 7)), f, ec) == nullptr);
    CHECK(ec == errc::event_no_wire_form);
    CHECK(f.empty());
    CHECK(written(frozen(event::of("t", "/s", 7, as_json))).body == "7");
}

TEST_CASE("a message names its mode", "[codec][cloudevents]") {
    const auto mode = [](std::vector<http::fields::value_type> list) {
        http::fields f;
        for (const auto& [name, value] : list) f.append(name, value);
        return content_mode_of(f);
    };
    CHECK(mode({}) == content_mode::none);
    CHECK(mode({{"Content-Type", "application/json"}}) == content_mode::none);
    CHECK(mode({{"ce-id", "1"}}) == content_mode::none);
    CHECK(mode({{"CE-SpecVersion", "1.0"}}) == content_mode::binary);
    CHECK(mode({{"content-type", "Application/CloudEvents+JSON; charset=utf-8"}}) ==
          content_mode::structured);
    CHECK(mode({{"content-type", "application/cloudevents+avro"}, {"ce-specversion", "1.0"}}) ==
          content_mode::structured);
    CHECK(mode({{"content-type", "application/cloudevents-batch+json"}}) == content_mode::batch);
}

TEST_CASE("structured mode is read by the JSON codec", "[codec][cloudevents]") {
    const std::string body =
        R"({"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"a" : 1}})";
    for (const auto* type :
         {"application/cloudevents+json", "Application/CloudEvents+JSON",
          "application/cloudevents+json; charset=utf-8", "application/cloudevents+json ;x=y"}) {
        INFO(type);
        CHECK(read({{"Content-Type", type}}, body).event.text() == R"({"a" : 1})");
        CHECK(error_of({{"Content-Type", type}}, "{") == errc::invalid_json);
    }
    for (const auto* type : {"application/cloudevents", "application/cloudevents+avro",
                             "application/cloudevents+jsonx", "application/cloudevents-batch+json",
                             "application/json", ""}) {
        INFO(type);
        CHECK(error_of({{"Content-Type", type}}, body) == errc::event_bad_content_type);
    }
    CHECK(error_of({}, body) == errc::event_bad_content_type);
}

TEST_CASE("field values are unquoted, then decoded once", "[codec][cloudevents]") {
    const auto subject_of = [](std::string value) {
        return std::string(read(with({{"ce-subject", std::move(value)}})).event.subject());
    };
    CHECK(subject_of("plain") == "plain");
    CHECK(subject_of("a%20b") == "a b");
    CHECK(subject_of("%e2%82%AC") == "\xe2\x82\xac");
    CHECK(subject_of("%2541") == "%41");
    CHECK(subject_of("%25") == "%");
    CHECK(subject_of("a+b") == "a+b");
    CHECK(subject_of("\"a b\"") == "a b");
    CHECK(subject_of("\"a\\\"b\\\\c%20d\"") == "a\"b\\c d");
    CHECK(subject_of("\"") == "\"");
    CHECK(subject_of("a\"b\"") == "a\"b\"");
    CHECK(subject_of("\xc3\xa4") == "\xc3\xa4");  // raw, as some libraries send it
    CHECK(subject_of("\"\"").empty());
    for (const auto* bad : {"%", "a%", "%4", "%4g", "%g4", "% 1", "%ff", "%c3", "\xff", "%00",
                            "%0A", "%7F", "%EF%BF%BE", "\"%\""}) {
        INFO(bad);
        CHECK(error_of(with({{"ce-subject", bad}})) == errc::event_bad_attribute_value);
    }
}

TEST_CASE("each field that is wrong has its error", "[codec][cloudevents]") {
    CHECK_FALSE(error_of(with({})));
    CHECK(error_of({{"ce-specversion", "0.3"}}) == errc::event_bad_specversion);
    CHECK(error_of({{"ce-specversion", ""}}) == errc::event_bad_specversion);
    CHECK(error_of({{"ce-specversion", "1.0"}, {"ce-source", "/s"}, {"ce-type", "t"}}) ==
          errc::event_without_id);
    CHECK(error_of({{"ce-specversion", "1.0"}, {"ce-id", ""}, {"ce-source", "/s"}}) ==
          errc::event_without_id);
    CHECK(error_of({{"ce-specversion", "1.0"}, {"ce-id", "1"}, {"ce-type", "t"}}) ==
          errc::event_without_source);
    CHECK(error_of({{"ce-specversion", "1.0"}, {"ce-id", "1"}, {"ce-source", "/s"}}) ==
          errc::event_without_type);
    CHECK(error_of(with({{"ce-time", "now"}})) == errc::event_bad_time);
    CHECK(error_of(with({{"ce-datacontenttype", "text/plain"}})) == errc::event_bad_attribute_name);
    for (const auto* name : {"ce-", "ce-a-b", "ce-a_b", "ce-data"}) {
        INFO(name);
        CHECK(error_of(with({{name, "x"}})) == errc::event_bad_attribute_name);
    }
    CHECK(error_of(with({{"ce-x", "1"}, {"CE-X", "1"}})) == errc::event_bad_attribute_value);
    CHECK(error_of(with({{"Ce-Id", "1"}})) == errc::event_bad_attribute_value);
    for (const auto* hops : {"", "-1", "+1", "1.0", "x", "1000001", "4294967296"}) {
        INFO(hops);
        CHECK(error_of(with({{"ce-hops", hops}})) == errc::event_bad_attribute_value);
    }
    CHECK(read(with({{"ce-hops", "16"}})).hops == 16);
    CHECK(std::get<std::string>(*read(with({{"CE-Flag", "true"}})).event.extension("flag")) ==
          "true");
    std::vector<http::fields::value_type> many;
    for (std::size_t i = 4; i < max_wire_attributes; ++i)
        many.emplace_back("ce-x" + std::to_string(i), "1");
    CHECK_FALSE(error_of(with(many)));
    many.emplace_back("ce-y", "1");
    CHECK(error_of(with(many)) == errc::too_large);
}

TEST_CASE("other fields are no attributes", "[codec][cloudevents]") {
    const auto out = read(with({{"Host", "x"}, {"cex", "1"}, {"X-ce-y", "1"}}), "x");
    CHECK(out.event.extensions().empty());
    CHECK(out.event.text() == "x");
    CHECK(out.event.content_type().empty());
}

}  // namespace

}  // namespace tidings::test
