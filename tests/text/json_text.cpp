// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/detail/json_depth.hpp>
#include <tidings/text/impl/json_text.hpp>
#include <tidings/text/utf8.hpp>

#include <string>

namespace tidings::test {

namespace {

std::string quoted(std::string_view text) {
    std::string out = "x";
    detail::append_json_string(out, text);
    return out.substr(1);
}

TEST_CASE("a string is escaped as little as RFC 8259 allows, and read back", "[detail]") {
    CHECK(quoted("") == R"("")");
    CHECK(quoted("plain /") == R"("plain /")");
    CHECK(quoted("\"\\\n\r\t") == R"("\"\\\n\r\t")");
    CHECK(quoted(std::string("\0\x01\x1f\x7f", 4)) == "\"\\u0000\\u0001\\u001f\x7f\"");
    CHECK(quoted("\xc3\xa4\xf0\x9f\x98\x80") == "\"\xc3\xa4\xf0\x9f\x98\x80\"");
    std::string all;
    for (char c = 0; c != 127; ++c) all += c;
    CHECK(detail::read_json_string(quoted(all)) == all);
    CHECK(detail::is_json(quoted(all)));
    CHECK(detail::read_json_string(R"("\u00e4\ud83d\ude00\/\b\f")") ==
          "\xc3\xa4\xf0\x9f\x98\x80/\b\f");
}

TEST_CASE("only one whole JSON value is JSON", "[detail]") {
    for (const auto* text : {"null", "0", "-1.5e-3", "\"\"", "[]", "{}", " [1, {\"a\":[]}] \r\n\t"})
        CHECK(detail::is_json(text));
    for (const auto& text : {std::string(),
                             std::string(" "),
                             std::string("nul"),
                             std::string("1 2"),
                             std::string("[1,]"),
                             std::string("{\"a\"}"),
                             std::string("'a'"),
                             std::string("01"),
                             std::string("NaN"),
                             std::string("// x\n1"),
                             std::string("\"\\x\""),
                             std::string("\"\\u12g4\""),
                             std::string("\"\\u123"),
                             std::string("1."),
                             std::string(".5"),
                             std::string("-"),
                             std::string("+1"),
                             std::string("1e"),
                             std::string("1e+"),
                             std::string("[1}"),
                             std::string("{\"a\":1]"),
                             std::string("{1:2}"),
                             std::string("{\"a\":1,}"),
                             std::string("{,}"),
                             std::string("]"),
                             std::string("[1]]"),
                             std::string("truefalse"),
                             std::string("\"\xff\""),
                             std::string("\"\n\""),
                             std::string("\xef\xbb\xbf") + "1",
                             std::string("1\0", 2),
                             std::string("1\0x", 3),
                             std::string("\0001", 2),
                             std::string("\"\0\"", 3),
                             std::string("[")}) {
        INFO(text);
        CHECK_FALSE(detail::is_json(text));
    }
    const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
    CHECK(detail::is_json(deep));
}

TEST_CASE("what a number or an escape means does not matter to the grammar of JSON",
          "[detail][fault-13]") {
    const auto digits = std::string(10'000, '9');
    for (const auto& text :
         {std::string("1e400"), std::string("-1e400"), std::string("1E+999999999"),
          std::string("1e-999999999"), digits, "-" + digits, "0." + digits, digits + "e" + digits,
          std::string("-0"), std::string("[1e400,{\"a\":[-1e400]}]"), std::string("\"\\ud800\"")}) {
        INFO(text.substr(0, 40));
        CHECK(detail::is_json(text));
    }
}

TEST_CASE("a lone surrogate is read as bytes that are not UTF-8", "[detail][fault-13]") {
    for (const auto* literal : {R"("\ud800")", R"("\udc00")", R"("a\ud83dz")", R"("\ud800\ud800")",
                                R"("\ud800\u0041")", R"("\ud800\n")"}) {
        INFO(literal);
        CHECK(detail::read_json_string(literal).size() > 1);
        CHECK_FALSE(is_valid_utf8(detail::read_json_string(literal)));
    }
    CHECK(detail::read_json_string(R"("\ud83d\ude00")") == "\xf0\x9f\x98\x80");
}

TEST_CASE("an array is distinguished from what only holds one", "[detail]") {
    CHECK_FALSE(detail::check_json_array(" [1] "));
    for (const auto* text : {"{\"a\":[1]}", "\"[\"", "[", "[1]x", "1", ""})
        CHECK(detail::check_json_array(text) == errc::invalid_json);
}

TEST_CASE("an object is split into its members, an array into its elements", "[detail]") {
    const auto members = detail::json_members(
        " { \"a\" : 1 , \"b\\\"\\u0063\":[1,{\"x\":\"},]\\\"\"}],\"\":\"a:b,c\" } ");
    REQUIRE(members.size() == 3);
    CHECK(members[0] == std::pair<std::string, std::string_view>("a", "1"));
    CHECK(members[1].first == "b\"c");
    CHECK(members[1].second == "[1,{\"x\":\"},]\\\"\"}]");
    CHECK(members[2].first.empty());
    CHECK(members[2].second == "\"a:b,c\"");
    CHECK(detail::json_members("{ }").empty());
    CHECK(detail::json_members("[1]").empty());
    CHECK(detail::json_members("").empty());

    const auto elements = detail::json_elements(" [ 1 , [2,3],\"]\\\\\" ,{} ] ");
    CHECK(elements == std::vector<std::string_view>{"1", "[2,3]", "\"]\\\\\"", "{}"});
    CHECK(detail::json_elements("[ ]").empty());
    CHECK(detail::json_elements("{}").empty());

    CHECK(detail::json_elements("[1,2,3]", 2) == std::vector<std::string_view>{"1", "2"});
    CHECK(detail::json_elements("[1,2,3]", 3).size() == 3);
    CHECK(detail::json_elements("[1]", 0).empty());
    CHECK(detail::json_members(R"({"a":1,"b":2})", 1).size() == 1);
}

TEST_CASE("nesting is measured outside of strings, in text of any kind", "[detail]") {
    CHECK_FALSE(detail::is_nested_deeper("[[1]]", 2));
    CHECK(detail::is_nested_deeper("[[1]]", 1));
    CHECK(detail::is_nested_deeper("[{\"a\":[", 2));
    CHECK_FALSE(detail::is_nested_deeper("[],[],{},[]", 1));
    CHECK_FALSE(detail::is_nested_deeper("\"[[[[\\\"[[[[\"", 0));
    CHECK_FALSE(detail::is_nested_deeper("]]]]}}[", 1));
    CHECK_FALSE(detail::is_nested_deeper("\"[[[", 0));
    CHECK_FALSE(detail::is_nested_deeper("\"\\", 0));
    CHECK_FALSE(detail::is_nested_deeper("", 0));
}

}  // namespace

}  // namespace tidings::test
