// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/codec/sse_parser.hpp>
#include <tidings/codec/sse_writer.hpp>

#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace std::string_literals;
using tidings::errc;

namespace {

std::string event(std::string_view data, std::string_view name = {},
                  std::optional<std::string_view> id = std::nullopt) {
    std::string out;
    REQUIRE_FALSE(tidings::append_sse_event(out, data, name, id));
    return out;
}

std::string comment(std::string_view text) {
    std::string out;
    tidings::append_sse_comment(out, text);
    return out;
}

std::string retry(std::chrono::milliseconds time) {
    std::string out;
    tidings::append_sse_retry(out, time);
    return out;
}

std::string id_only(std::string_view id) {
    std::string out;
    REQUIRE_FALSE(tidings::append_sse_id(out, id));
    return out;
}

}  // namespace

TEST_CASE("CR, LF and NUL in an id or an event name are refused and nothing is written", "[sse]") {
    for (const auto& bad : {"\n"s, "\r"s, "\0"s, "a\ndata: b"s, "a\r\n"s, "a\0b"s, "\nb"s}) {
        std::string out = "before";
        REQUIRE(tidings::append_sse_event(out, "x", bad) == errc::sse_bad_field);
        REQUIRE(tidings::append_sse_event(out, "x", "e", bad) == errc::sse_bad_field);
        REQUIRE(tidings::append_sse_event(out, "x", bad, "1") == errc::sse_bad_field);
        REQUIRE(tidings::append_sse_id(out, bad) == errc::sse_bad_field);
        REQUIRE(out == "before");
    }
}

TEST_CASE("an event is its name, its id and its data in that order", "[sse]") {
    REQUIRE(event("a") == "data: a\n\n");
    REQUIRE(event("a", "e") == "event: e\ndata: a\n\n");
    REQUIRE(event("a", "", "1") == "id: 1\ndata: a\n\n");
    REQUIRE(event("a", "e", "1") == "event: e\nid: 1\ndata: a\n\n");
}

TEST_CASE("empty data is written, so that the event is dispatched", "[sse]") {
    REQUIRE(event("") == "data:\n\n");
    REQUIRE(event("", "e") == "event: e\ndata:\n\n");
}

TEST_CASE("an empty id is written and no id is not", "[sse]") {
    REQUIRE(event("a", "", "") == "id:\ndata: a\n\n");
    REQUIRE(id_only("") == "id:\n\n");
    REQUIRE(id_only("7") == "id: 7\n\n");
}

TEST_CASE("data is split on every kind of line end", "[sse]") {
    REQUIRE(event("a\nb\rc\r\nd") == "data: a\ndata: b\ndata: c\ndata: d\n\n");
    REQUIRE(event("\n") == "data:\ndata:\n\n");
    REQUIRE(event("a\r\n") == "data: a\ndata:\n\n");
    REQUIRE(event("\n\r") == "data:\ndata:\ndata:\n\n");
    REQUIRE(event("\r\r\n\n") == "data:\ndata:\ndata:\ndata:\n\n");
    REQUIRE(event("a\n\nid: 2") == "data: a\ndata:\ndata: id: 2\n\n");
}

TEST_CASE("a leading space survives", "[sse]") {
    REQUIRE(event(" a", " e", " 1") == "event:  e\nid:  1\ndata:  a\n\n");
}

TEST_CASE("a comment holds no line end, so nothing can be injected", "[sse]") {
    REQUIRE(comment("") == ":\n");
    REQUIRE(comment("hi") == ": hi\n");
    REQUIRE(comment("a\n\ndata: b\r\rc\r\n") == ": a\n:\n: data: b\n:\n: c\n:\n");
}

TEST_CASE("a reconnection time is written in milliseconds", "[sse]") {
    REQUIRE(retry(3s) == "retry: 3000\n\n");
    REQUIRE(retry(0ms) == "retry: 0\n\n");
    REQUIRE(retry(-1ms) == "retry: 0\n\n");
    REQUIRE(retry(std::chrono::milliseconds{std::numeric_limits<std::int32_t>::max()}) ==
            "retry: 2147483647\n\n");
}

TEST_CASE("what is written is appended", "[sse]") {
    std::string out = "x\n";
    tidings::append_sse_comment(out, "");
    tidings::append_sse_retry(out, 1ms);
    REQUIRE_FALSE(tidings::append_sse_event(out, "a"));
    REQUIRE_FALSE(tidings::append_sse_id(out, "1"));
    REQUIRE(out == "x\n:\nretry: 1\n\ndata: a\n\nid: 1\n\n");
}

namespace {

// What a reader makes of the line ends in written text.
std::string with_lf(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
        out += text[i] == '\r' ? '\n' : text[i];
    }
    return out;
}

}  // namespace

TEST_CASE("what is written is read back", "[sse]") {
    std::mt19937 random{4711};
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
    const auto text = [&](const std::vector<std::string>& words) {
        std::string out;
        for (auto n = below(12); n > 0; --n) out += words[below(words.size())];
        return out;
    };
    const std::vector<std::string> plain = {" ",    "a",  "data:",  ":",      "\u00e9",
                                            "id: ", "\t", "\ufeff", "\u2026", "\U0001f600"};
    auto any = plain;
    for (const auto& end : {"\n"s, "\r"s, "\r\n"s, "\0"s, "\n\n"s}) any.push_back(end);

    std::string stream;
    std::vector<tidings::sse_item> expected;
    std::string id;
    for (int round = 0; round < 5000; ++round) {
        switch (below(4)) {
            case 0: {
                const auto data = text(any);
                const auto name = text(plain);
                const bool with_id = below(2) == 0;
                if (with_id) id = text(plain);
                REQUIRE_FALSE(tidings::append_sse_event(
                    stream, data, name,
                    with_id ? std::optional<std::string_view>{id} : std::nullopt));
                expected.push_back(tidings::sse_message{name.empty() ? "message" : name,
                                                        with_lf(data), id, with_id});
                break;
            }
            case 1: {
                const auto words = text(any);
                tidings::append_sse_comment(stream, words);
                std::string rest = with_lf(words) + '\n';
                for (std::size_t end; !rest.empty(); rest.erase(0, end + 1)) {
                    end = rest.find('\n');
                    expected.push_back(tidings::sse_comment{rest.substr(0, end)});
                }
                break;
            }
            case 2: {
                const std::chrono::milliseconds time{below(100'000)};
                tidings::append_sse_retry(stream, time);
                expected.push_back(tidings::sse_retry{time});
                break;
            }
            default:
                id = text(plain);
                REQUIRE_FALSE(tidings::append_sse_id(stream, id));
                expected.push_back(tidings::sse_id{id});
        }
    }

    tidings::sse_parser parser;
    std::vector<tidings::sse_item> items;
    for (std::size_t begin = 0; begin < stream.size();) {
        const auto size = 1 + below(40);
        parser.feed(std::string_view{stream}.substr(begin, size));
        begin += size;
        tidings::error_code ec;
        while (auto item = parser.next(ec)) items.push_back(std::move(*item));
        REQUIRE_FALSE(ec);
    }
    REQUIRE(items.size() == expected.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
        INFO("item " << i);
        REQUIRE((items[i] == expected[i]));
    }
    REQUIRE(parser.last_event_id() == id);
}
