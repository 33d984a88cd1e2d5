// SPDX-License-Identifier: BSL-1.0
#include "support/codec_events.hpp"

#include <tidings/event_json.hpp>

#include <string>

namespace tidings::test {

namespace {

std::string written(const event_ptr& p) {
    error_code ec;
    const auto text = cloudevents_json(*p, ec);
    REQUIRE_FALSE(ec);
    REQUIRE(text != nullptr);
    return *text;
}

wire_event read(std::string_view text) {
    error_code ec;
    auto out = parse_cloudevents_json(text, ec);
    INFO(text.substr(0, 200));
    INFO(ec.message());
    REQUIRE_FALSE(ec);
    return out;
}

error_code error_of(std::string_view text) {
    error_code ec;
    parse_cloudevents_json(text, ec);
    return ec;
}

/// An event with these members more.
std::string with(std::string_view members) {
    return R"({"specversion":"1.0","id":"1","source":"/s","type":"t")" + std::string(members) + '}';
}

TEST_CASE("the JSON form is as it stands here", "[codec][cloudevents]") {
    auto e = full_event();
    e.extension("flag", true).extension("number", -7).extension("text", "a\"b");
    CHECK(written(frozen(std::move(e), "orders.1", full_info())) ==
          R"({"specversion":"1.0","id":"A234-1234-1234","source":"/shop?a=1",)"
          R"("type":"com.acme.order","time":"2026-01-02T03:00:00.25Z",)"
          R"("subject":"order \"7\" 100%","dataschema":"https://acme.example/schema",)"
          R"("datacontenttype":"application/json","flag":true,"number":-7,"text":"a\"b",)"
          R"("topic":"orders.1","position":"epoch:17","hops":3,"data":{"total": 99}})");
}

TEST_CASE("every attribute comes back", "[codec][cloudevents]") {
    auto e = full_event();
    e.extension("flag", true)
        .extension("no", false)
        .extension("number", -2147483647 - 1)
        .extension("text", "\xc3\xa4 \"\\/ 1");
    const auto p = frozen(std::move(e), "orders.\xc3\xa4", full_info());
    const auto out = read(written(p));
    check_same_attributes(out.event, *p);
    CHECK(out.topic == p->topic());
    CHECK(out.position == "epoch:17");
    CHECK(out.hops == 3);
    CHECK(std::get<bool>(*out.event.extension("flag")));
    CHECK_FALSE(std::get<bool>(*out.event.extension("no")));
    CHECK(std::get<std::int32_t>(*out.event.extension("number")) == -2147483647 - 1);
    CHECK(std::get<std::string>(*out.event.extension("text")) == "\xc3\xa4 \"\\/ 1");
    CHECK(out.event.extensions().size() == 4);
    CHECK(out.event.text() == R"({"total": 99})");
}

TEST_CASE("an event with nothing but what it must have comes back", "[codec][cloudevents]") {
    const auto p = frozen(event{"t", "/s"});
    const auto out = read(written(p));
    check_same_attributes(out.event, *p);
    CHECK_FALSE(out.event.has_data());
    CHECK(out.position.empty());
    CHECK(out.hops == 0);
    CHECK_FALSE(out.event.id().empty());
}

TEST_CASE("data of every kind comes back byte for byte, in text that is JSON",
          "[codec][cloudevents]") {
    for (const auto& s : samples()) {
        INFO(s.content_type << ": " << s.bytes.substr(0, 40));
        const auto p = frozen(event{"t", "/s", s.bytes, s.content_type});
        const auto text = written(p);
        CHECK(nlohmann::json::accept(text));
        CHECK(text.find('\0') == std::string::npos);
        const auto out = read(text);
        CHECK(out.event.has_data());
        CHECK((out.event.text() == s.bytes));
        CHECK(out.event.content_type() == s.content_type);
        CHECK(out.event.id() == p->id());
        // The same where a carriage return would not survive.
        error_code ec;
        const auto flat = cloudevents_json_without_cr(*p, ec);
        REQUIRE(flat != nullptr);
        CHECK(flat->find('\r') == std::string::npos);
        CHECK((read(*flat).event.text() == s.bytes));
        // And where no line end would.
        const auto line = cloudevents_json_line(*p, ec);
        REQUIRE(line != nullptr);
        CHECK(line->find_first_of("\r\n") == std::string::npos);
        CHECK((read(*line).event.text() == s.bytes));
    }
}

TEST_CASE("data that holds a line end is on one line, byte for byte", "[codec][cloudevents]") {
    for (const std::string data : {"{\n\"a\":1}", "[\r\n1]", "\r7", "7"}) {
        error_code ec;
        const auto p = frozen(event{"t", "/s", data, "application/json"});
        const auto line = cloudevents_json_line(*p, ec);
        REQUIRE(line != nullptr);
        CHECK(line->find_first_of("\r\n") == std::string::npos);
        CHECK(read(*line).event.text() == data);
    }
}

TEST_CASE("JSON data stands in the text as it is, as its last member", "[codec][cloudevents]") {
    const std::string data = " {\"b\" : 1.00, \"a\":[1e2]} ";
    CHECK(written(frozen(event{"t", "/s", data, "application/json"}))
              .ends_with("\"data\":" + data + '}'));
    CHECK(written(frozen(event{"t", "/s", "a\"b"})).ends_with(R"("data":"a\"b"})"));
    CHECK(written(frozen(event{"t", "/s", "ab", "x/y"})).ends_with(R"("data_base64":"YWI="})"));
    CHECK(written(frozen(event{"t", "/s", "{", "application/json"}))
              .ends_with(R"("data_base64":"ew=="})"));
}

TEST_CASE("data that is JSON passes as bytes, whatever its numbers and depth are",
          "[codec][cloudevents][fault-13]") {
    const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
    for (const auto& data : {std::string("1e400"), std::string("[1e400,-1e-400]"),
                             std::string(400, '9'), std::string("\"\\ud800\""), deep}) {
        INFO(data.substr(0, 40));
        error_code ec;
        event e("t", "/s");
        e.id("1").data(data, "application/json");
        const auto p = publication::make("a", std::move(e), {}, ec);
        REQUIRE(p);
        const auto text = cloudevents_json(*p, ec);
        REQUIRE(text);
        // What is too deep for most readers would take the page with it that it stands in.
        CHECK(text->ends_with(",\"data\":" + data + '}') == (data != deep));
        CHECK((text->find(",\"data_base64\":") != text->npos) == (data == deep));
        CHECK(parse_cloudevents_json(*text, ec).event.text() == data);
        CHECK_FALSE(ec);
        CHECK(parse_cloudevents_batch('[' + *text + ']', ec).size() == 1);
        // As a value it may be more than a reader takes, which is an error and no crash.
        p->json(ec);
        CHECK((!ec || ec == errc::invalid_json));
    }
}

TEST_CASE("a surrogate alone is no text of an attribute or of text data",
          "[codec][cloudevents][fault-13]") {
    const auto refusal = [](std::string_view members) {
        error_code ec;
        parse_cloudevents_json(R"({"specversion":"1.0","id":"1","source":"/s","type":"t",)" +
                                   std::string(members) + '}',
                               ec);
        return ec;
    };
    CHECK(refusal(R"("x":"\ud800")") == errc::event_bad_attribute_value);
    CHECK(refusal(R"("subject":"a\udc00")") == errc::event_bad_attribute_value);
    CHECK(refusal(R"("\ud800":"x")") == errc::event_bad_attribute_name);
    CHECK(refusal(R"("datacontenttype":"text/plain","data":"\ud800")") == errc::event_bad_data);
    CHECK_FALSE(refusal(R"("x":"\ud83d\ude00")"));
}

TEST_CASE("data without a content type comes back as bytes", "[codec][cloudevents]") {
    event e{"t", "/s"};
    e.data("ab", "");
    const auto out = read(written(frozen(std::move(e))));
    CHECK(out.event.text() == "ab");
    CHECK(out.event.content_type().empty());
}

TEST_CASE("the form is made once per publication", "[codec][cloudevents]") {
    error_code ec;
    const auto p = frozen(event{"t", "/s", "x"});
    const auto first = cloudevents_json(*p, ec);
    CHECK(first == cloudevents_json(*p, ec));
    CHECK(first == cloudevents_json_without_cr(*p, ec));
    const auto other = publication::make("b", p, {}, ec);
    CHECK(*cloudevents_json(*other, ec) != *first);
    CHECK(has_json_data(*frozen(event{"t", "/s", "1", "x/y"})));
    CHECK_FALSE(has_json_data(*p));
}

TEST_CASE("a C++ value needs a serialiser", "[codec][cloudevents]") {
    error_code ec;
    CHECK(cloudevents_json(*frozen(event::of("t", "/s", 7)), ec) == nullptr);
    CHECK(ec == errc::event_no_wire_form);
    CHECK(cloudevents_json_without_cr(*frozen(event::of("t", "/s", 7)), ec) == nullptr);
    CHECK(ec == errc::event_no_wire_form);
    CHECK(written(frozen(event::of("t", "/s", 7, as_json))).ends_with(R"("data":7})"));
}

TEST_CASE("an extension of the names that travel beside the event gives way to them",
          "[codec][cloudevents]") {
    event e{"t", "/s"};
    e.extension("topic", "forged").extension("position", "forged").extension("hops", 9);
    const auto out = read(written(frozen(std::move(e), "a")));
    CHECK(out.topic == "a");
    CHECK(out.position.empty());
    CHECK(out.hops == 0);
    CHECK(out.event.extensions().empty());
}

TEST_CASE("what is not JSON or not UTF-8 is refused", "[codec][cloudevents]") {
    for (const auto& text :
         {std::string(), std::string("{"), std::string("text"), with("") + "x",
          with("") + '\0' + "x", with("") + '\0', "\xef\xbb\xbf" + with(""), with(R"(,"a":)"),
          with(R"(,"a":01)"), with(R"(,a:1)"), with(",\"a\":\"\n\""), with(R"(,"a":1,)")}) {
        INFO(text);
        CHECK(error_of(text) == errc::invalid_json);
    }
    CHECK(error_of(with(",\"a\":\"\xff\"")) == errc::invalid_utf8);
    CHECK(error_of(with(",\"a\":\"\xed\xa0\x80\"")) == errc::invalid_utf8);
}

TEST_CASE("what is JSON but no event is refused", "[codec][cloudevents]") {
    for (const auto* text : {"null", "1", "\"text\"", "[]", "{}", R"([{"specversion":"1.0"}])",
                             R"({"id":"1","source":"/s","type":"t"})"}) {
        INFO(text);
        CHECK(error_of(text) == errc::event_bad_specversion);
    }
}

TEST_CASE("each attribute that is wrong has its error", "[codec][cloudevents]") {
    const auto four = [](std::string_view version, std::string_view id, std::string_view source,
                         std::string_view type) {
        std::string text = "{\"x\":1";
        if (!version.empty()) text += ",\"specversion\":" + std::string(version);
        if (!id.empty()) text += ",\"id\":" + std::string(id);
        if (!source.empty()) text += ",\"source\":" + std::string(source);
        if (!type.empty()) text += ",\"type\":" + std::string(type);
        return error_of(text + '}');
    };
    CHECK_FALSE(four("\"1.0\"", "\"1\"", "\"/s\"", "\"t\""));
    CHECK(four("", "\"1\"", "\"/s\"", "\"t\"") == errc::event_bad_specversion);
    CHECK(four("null", "\"1\"", "\"/s\"", "\"t\"") == errc::event_bad_specversion);
    CHECK(four("\"0.3\"", "\"1\"", "\"/s\"", "\"t\"") == errc::event_bad_specversion);
    CHECK(four("1.0", "\"1\"", "\"/s\"", "\"t\"") == errc::event_bad_specversion);
    for (const auto* nothing : {"", "null", "\"\""}) {
        CHECK(four("\"1.0\"", nothing, "\"/s\"", "\"t\"") == errc::event_without_id);
        CHECK(four("\"1.0\"", "\"1\"", nothing, "\"t\"") == errc::event_without_source);
        CHECK(four("\"1.0\"", "\"1\"", "\"/s\"", nothing) == errc::event_without_type);
    }
    for (const auto* name : {"id", "source", "type", "subject", "time", "dataschema",
                             "datacontenttype", "topic", "position"})
        for (const auto* value : {"1", "true", "{}", "[]"}) {
            INFO(name << value);
            auto text = std::string(R"({"specversion":"1.0",")") + name + "\":" + value + '}';
            CHECK(error_of(text) == errc::event_bad_attribute_value);
        }
    for (const auto* time : {"", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01"}) {
        INFO(time);
        CHECK(error_of(with(",\"time\":\"" + std::string(time) + '"')) == errc::event_bad_time);
    }
    for (const auto* name : {"A", "a-b", "", "data64_", "\xc3\xa4"})
        CHECK(error_of(with(",\"" + std::string(name) + "\":1")) == errc::event_bad_attribute_name);
    for (const auto* value : {"2147483648", "-2147483649", "1.5", "1e2", "{}", "[]", R"("\n")",
                              R"("\u0000")", R"("\ufffe")"}) {
        INFO(value);
        CHECK(error_of(with(",\"x\":" + std::string(value))) == errc::event_bad_attribute_value);
    }
    CHECK(std::get<std::int32_t>(*read(with(",\"x\":2147483647")).event.extension("x")) ==
          2147483647);
}

TEST_CASE("an attribute that is null is absent", "[codec][cloudevents]") {
    const auto out = read(with(R"(,"subject":null,"time":null,"dataschema":null,"x":null,)"
                               R"("topic":null,"position":null,"hops":null,"data_base64":null)"));
    CHECK(out.event.subject().empty());
    CHECK_FALSE(out.event.time());
    CHECK(out.event.extensions().empty());
    CHECK(out.topic.empty());
    CHECK_FALSE(out.event.has_data());
    // Data that is null is there: JSON has a null.
    CHECK(read(with(R"(,"data":null)")).event.text() == "null");
}

TEST_CASE("a name that stands there twice is refused, escaped or not", "[codec][cloudevents]") {
    for (const auto* members : {R"(,"id":"2")", R"(,"\u0069d":"2")", R"(,"x":1,"x":1)",
                                R"(,"x":null,"x":1)", R"(,"data":1,"data":2)"}) {
        INFO(members);
        CHECK(error_of(with(members)) == errc::event_bad_attribute_value);
    }
    CHECK(std::get<std::string>(*read(with(R"(,"\u0078":"\u0079")")).event.extension("x")) == "y");
}

TEST_CASE("data is read by its content type", "[codec][cloudevents]") {
    const auto data_of = [](std::string_view members) { return read(with(members)).event; };
    CHECK(data_of(R"(,"data":{"a" : 1})").content_type() == "application/json");
    CHECK(data_of(R"(,"data":{"a" : 1})").text() == R"({"a" : 1})");
    CHECK(data_of(R"(,"data":"x")").text() == R"("x")");
    // The content type may come behind it.
    CHECK(data_of(R"(,"data":"a\"\u00e4","datacontenttype":"text/plain")").text() == "a\"\xc3\xa4");
    CHECK(data_of(R"(,"data":"a\"b","datacontenttype":"application/json")").text() == R"("a\"b")");
    CHECK(data_of(R"(,"data":"<a/>","datacontenttype":"application/xml")").text() == "<a/>");
    CHECK(data_of(R"(,"data_base64":"AAH/","datacontenttype":"x/y")").text() ==
          std::string("\0\x01\xff", 3));
    CHECK(data_of(R"(,"data_base64":"")").has_data());
    CHECK(data_of(R"(,"data_base64":"\u0041AH/")").text() == std::string("\0\x01\xff", 3));
    for (const auto* members :
         {R"(,"data":1,"data_base64":"AA==")", R"(,"data_base64":"AA==","data":1)",
          R"(,"data_base64":"A")", R"(,"data_base64":"A?==")", R"(,"data_base64":1)",
          R"(,"data":1,"datacontenttype":"text/plain")",
          R"(,"data":null,"datacontenttype":"text/plain")",
          R"(,"data":{},"datacontenttype":"application/octet-stream")"}) {
        INFO(members);
        CHECK(error_of(with(members)) == errc::event_bad_data);
    }
}

TEST_CASE("hops are a number, or one in a string, and no absurd one", "[codec][cloudevents]") {
    CHECK(read(with(R"(,"hops":0)")).hops == 0);
    CHECK(read(with(R"(,"hops":17)")).hops == 17);
    CHECK(read(with(R"(,"hops":"17")")).hops == 17);
    CHECK(read(with(R"(,"hops":1000000)")).hops == 1'000'000);
    for (const auto* value : {"-1", "1.0", "1e1", "true", "\"\"", "\"x\"", "\" 1\"", "1000001",
                              "4294967296", "99999999999999999999", "{}"}) {
        INFO(value);
        CHECK(error_of(with(",\"hops\":" + std::string(value))) == errc::event_bad_attribute_value);
    }
}

TEST_CASE("white space between the tokens does not matter", "[codec][cloudevents]") {
    const auto out = read(
        " \r\n{ \"specversion\" : \"1.0\" ,\t\"id\":\"1\",\"source\":\"/s\" ,"
        "\"type\":\"t\", \"data\" : [ 1 , {\"a\":\"}],\\\"\"} ] } \n");
    CHECK(out.event.text() == "[ 1 , {\"a\":\"}],\\\"\"} ]");
}

TEST_CASE("a stranger cannot make the reader slow or deep", "[codec][cloudevents]") {
    std::string many;
    for (int i = 0; i < 200'000; ++i) many += ",\"x" + std::to_string(i) + "\":1";
    CHECK(error_of(with(many)) == errc::too_large);
    std::string allowed;
    for (std::size_t i = 4; i < max_wire_attributes; ++i)
        allowed += ",\"x" + std::to_string(i) + "\":1";
    CHECK(read(with(allowed + ",\"data\":1")).event.extensions().size() == max_wire_attributes - 4);
    CHECK(error_of(with(allowed + ",\"y\":1,\"data\":1")) == errc::too_large);

    const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
    CHECK(read(with(",\"data\":" + deep)).event.text().size() == deep.size());
    CHECK(error_of(with(",\"x\":" + deep)) == errc::event_bad_attribute_value);
    CHECK(error_of(std::string(100'000, '[')) == errc::invalid_json);
    CHECK(error_of(deep) == errc::event_bad_specversion);
    std::string objects;
    for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
    CHECK(error_of(objects) == errc::invalid_json);
}

TEST_CASE("a batch is read, all or nothing", "[codec][cloudevents]") {
    error_code ec;
    const auto one = with("");
    CHECK(parse_cloudevents_batch("[]", ec).empty());
    CHECK_FALSE(ec);
    CHECK(parse_cloudevents_batch(" [ ] ", ec).empty());
    CHECK_FALSE(ec);
    const auto two =
        parse_cloudevents_batch('[' + with(R"(,"subject":"a,b]")") + " , " + with("") + "]", ec);
    CHECK_FALSE(ec);
    REQUIRE(two.size() == 2);
    CHECK(two[0].event.subject() == "a,b]");
    for (const auto& text : {std::string(), one, std::string("{\"a\":[]}"), std::string("\"[\""),
                             '[' + one, one + ']', '[' + one + ",]", '[' + one + "]x",
                             '[' + one + ']' + '\0', "\xef\xbb\xbf[]" + std::string()}) {
        INFO(text);
        CHECK(parse_cloudevents_batch(text, ec).empty());
        CHECK(ec == errc::invalid_json);
    }
    CHECK(parse_cloudevents_batch('[' + one + ",{}]", ec).empty());
    CHECK(ec == errc::event_bad_specversion);
    CHECK(parse_cloudevents_batch("[1]", ec).empty());
    CHECK(ec == errc::event_bad_specversion);
    CHECK(parse_cloudevents_batch('[' + one + ",{\"a\":\"\xff\"}]", ec).empty());
    CHECK(ec);
    CHECK(parse_cloudevents_batch(std::string(100'000, '['), ec).empty());
    CHECK(ec == errc::invalid_json);
}

TEST_CASE("a media type is JSON by its subtype", "[codec][cloudevents]") {
    for (const auto* type : {"application/json", "text/json", "APPLICATION/JSON", "a/b+json",
                             "application/json;charset=utf-8", "application/json ; x=y",
                             "application/cloudevents+json"})
        CHECK(is_json_media_type(type));
    for (const auto* type : {"", "json", "application/jsonx", "application/xjson", "json/x",
                             "application/json+xml", "text/plain; a=\"/json\""})
        CHECK_FALSE(is_json_media_type(type));
}

}  // namespace

}  // namespace tidings::test
