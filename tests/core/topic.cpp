// SPDX-License-Identifier: BSL-1.0
#include <tidings/topic.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch2.hpp"
#include "support/naive_topics.hpp"

using namespace std::string_view_literals;
using tidings::errc;
using tidings::test::naive_matches;
using tidings::test::split;
using tidings::test::tokens;

namespace {

std::string repeated(std::string_view piece, std::size_t times, std::string_view between = "") {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) {
        if (i != 0) text += between;
        text += piece;
    }
    return text;
}

std::string join(const tokens& pieces) {
    std::string text;
    for (std::size_t i = 0; i < pieces.size(); ++i) text += (i == 0 ? "" : ".") + pieces[i];
    return text;
}

// Every sequence of one to `most` of the words, `>` last only.
std::vector<std::string> sequences(const tokens& words, std::size_t most) {
    std::vector<std::string> all;
    std::vector<tokens> open{{}};
    for (std::size_t size = 1; size <= most; ++size) {
        std::vector<tokens> next;
        for (const auto& start : open) {
            for (const auto& word : words) {
                auto longer = start;
                longer.push_back(word);
                all.push_back(join(longer));
                if (word != ">") next.push_back(std::move(longer));
            }
        }
        open = std::move(next);
    }
    return all;
}

const char* const bad_tokens[] = {
    "a b", " ", "\t", "a\tb", "\r", "\n", "a\n", "\f", "\v", "\x01", "\x1f", "\x7f",
    // not UTF-8: lone continuation, overlong forms, surrogate, too high, cut short
    "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xf0\x80\x80\x80",
    "\xf0\x8f\xbf\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
    "\xff", "\xfe", "\xc3", "a\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xc3\x28", "\xe2\x28\xa1",
    "\xe2\x82\x28", "\xf0\x28\x8c\xbc", "\xf0\x9f\x28\xbc", "\xf0\x9f\x98\x28",
    // C1, white space, noncharacters
    "\xc2\x80", "\xc2\x85", "\xc2\x9f", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x8a",
    "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80", "\xef\xb7\x90",
    "\xef\xb7\xaf", "\xef\xbf\xbe", "\xef\xbf\xbf", "\xf0\x9f\xbf\xbe", "\xf4\x8f\xbf\xbf",
    // a wildcard that is not a whole token
    "a*", "*a", "a*b", "**", "a>", ">a", ">>", "*>", ">*"};

const char* const good_tokens[] = {"a",
                                   "A",
                                   "0",
                                   "-",
                                   "!",
                                   "~",
                                   "/",
                                   "\\",
                                   "\"",
                                   "'",
                                   "$",
                                   "$SYS",
                                   "#1",
                                   "c++",
                                   ":",
                                   "a_b",
                                   "a_",
                                   "tidings2",
                                   "Tidings",
                                   "xtidings",
                                   "\xc2\xa1",
                                   "\xc3\xa9",
                                   "\xdf\xbf",
                                   "\xe0\xa0\x80",
                                   "\xe1\x99\xbf",
                                   "\xe1\x9a\x81",
                                   "\xe2\x80\x8b",
                                   "\xe2\x80\xa7",
                                   "\xe2\x80\xaa",
                                   "\xe2\x80\xb0",
                                   "\xe2\x81\xa0",
                                   "\xe2\x82\xac",
                                   "\xe3\x80\x81",
                                   "\xed\x9f\xbf",
                                   "\xee\x80\x80",
                                   "\xef\xb7\x8f",
                                   "\xef\xb7\xb0",
                                   "\xef\xbf\xbd",
                                   "\xf0\x90\x80\x80",
                                   "\xf0\x9f\x98\x80",
                                   "\xf4\x8f\xbf\xbd",
                                   "\xf1\x80\x80\x80"};

}  // namespace

TEST_CASE("a token that breaks the grammar makes neither a topic nor a pattern, wherever it stands",
          "[topic]") {
    for (const std::string token : bad_tokens) {
        for (const auto& text :
             {token, "a." + token, token + ".a", "a." + token + ".b", "*." + token + ".>"}) {
            CAPTURE(text);
            CHECK(tidings::check_topic(text) == errc::bad_topic);
            CHECK(tidings::check_topic_syntax(text) == errc::bad_topic);
            CHECK(tidings::check_pattern(text) == errc::bad_pattern);
        }
    }
    for (const auto text : {""sv, "."sv, ".."sv, ".a"sv, "a."sv, "a..b"sv, "a.b."sv, "a.>."sv,
                            "*."sv, "\0"sv, "a\0"sv, "a\0b"sv, "a.\0.b"sv}) {
        CAPTURE(text);
        CHECK(tidings::check_topic(text) == errc::bad_topic);
        CHECK(tidings::check_topic_syntax(text) == errc::bad_topic);
        CHECK(tidings::check_pattern(text) == errc::bad_pattern);
    }
}

TEST_CASE("a token of visible UTF-8 makes a topic, which is a pattern too", "[topic]") {
    for (const std::string token : good_tokens) {
        for (const auto& text : {token, "a." + token, token + ".a", "a." + token + ".b"}) {
            CAPTURE(text);
            CHECK_FALSE(tidings::check_topic(text));
            CHECK_FALSE(tidings::check_topic_syntax(text));
            CHECK_FALSE(tidings::check_pattern(text));
            CHECK(tidings::is_literal_pattern(text));
        }
    }
}

TEST_CASE("wildcards stand in patterns only, and the rest wildcard stands last", "[topic]") {
    for (const auto text :
         {"*", ">", "*.*", "*.>", "a.*", "*.a", "a.*.b", "a.>", "a.*.>", "_x.>", "tidings.*"}) {
        CAPTURE(text);
        CHECK_FALSE(tidings::check_pattern(text));
        CHECK_FALSE(tidings::is_literal_pattern(text));
        CHECK(tidings::check_topic(text) == errc::bad_topic);
        CHECK(tidings::check_topic_syntax(text) == errc::bad_topic);
    }
    for (const auto text : {">.a", "a.>.b", ">.>", "*.>.*", "foo.*bar", "a>", ">.", "a.>."}) {
        CAPTURE(text);
        CHECK(tidings::check_pattern(text) == errc::bad_pattern);
    }
}

TEST_CASE("a topic has at most 256 bytes and 16 tokens, and so has a pattern", "[topic]") {
    CHECK_FALSE(tidings::check_topic(repeated("a", 256)));
    CHECK_FALSE(tidings::check_pattern(repeated("a", 254) + ".>"));
    CHECK(tidings::check_topic(repeated("a", 257)) == errc::bad_topic);
    CHECK(tidings::check_topic_syntax(repeated("a", 257)) == errc::bad_topic);
    CHECK(tidings::check_pattern(repeated("a", 255) + ".>") == errc::bad_pattern);
    CHECK(tidings::check_topic(repeated("\xc3\xa9", 129)) == errc::bad_topic);

    CHECK_FALSE(tidings::check_topic(repeated("a", 16, ".")));
    CHECK_FALSE(tidings::check_pattern(repeated("a", 15, ".") + ".>"));
    CHECK_FALSE(tidings::check_pattern(repeated("*", 16, ".")));
    CHECK(tidings::check_topic(repeated("a", 17, ".")) == errc::bad_topic);
    CHECK(tidings::check_topic_syntax(repeated("a", 17, ".")) == errc::bad_topic);
    CHECK(tidings::check_pattern(repeated("a", 16, ".") + ".>") == errc::bad_pattern);
    CHECK(tidings::check_pattern(repeated("*", 17, ".")) == errc::bad_pattern);
}

TEST_CASE("reserved topics may be subscribed to, and published by the library only", "[topic]") {
    for (const auto text : {"tidings", "tidings.lagged", "_", "_a", "__", "_.a", "_a.b.c"}) {
        CAPTURE(text);
        CHECK(tidings::check_topic(text) == errc::reserved_topic);
        CHECK_FALSE(tidings::check_topic_syntax(text));
        CHECK_FALSE(tidings::check_pattern(text));
    }
    for (const auto text : {"tidingsx", "tiding.s", "a.tidings", "a._", "a._b", "a_"}) {
        CAPTURE(text);
        CHECK_FALSE(tidings::check_topic(text));
    }
    // The grammar is judged first.
    CHECK(tidings::check_topic("tidings.") == errc::bad_topic);
    CHECK(tidings::check_topic("_ ") == errc::bad_topic);
}

TEST_CASE("a pattern matches as the grammar says", "[topic]") {
    CHECK(tidings::topic_matches("orders.42.created", "orders.42.created"));
    CHECK_FALSE(tidings::topic_matches("orders.42.created", "orders.42.Created"));
    CHECK_FALSE(tidings::topic_matches("orders", "orders.42"));
    CHECK_FALSE(tidings::topic_matches("orders.42", "orders"));
    CHECK(tidings::topic_matches("orders.*.created", "orders.42.created"));
    CHECK_FALSE(tidings::topic_matches("orders.*", "orders"));
    CHECK_FALSE(tidings::topic_matches("orders.*", "orders.42.created"));
    CHECK(tidings::topic_matches("orders.>", "orders.42"));
    CHECK(tidings::topic_matches("orders.>", "orders.42.created"));
    CHECK_FALSE(tidings::topic_matches("orders.>", "orders"));
    CHECK_FALSE(tidings::topic_matches("orders.>", "order"));
    CHECK(tidings::topic_matches(">", "a"));
    CHECK(tidings::topic_matches("*.>", "a.b"));
    CHECK_FALSE(tidings::topic_matches("*.>", "a"));
    CHECK_FALSE(tidings::topic_matches("ab", "a"));
    CHECK_FALSE(tidings::topic_matches("a", "ab"));
}

TEST_CASE("a wildcard stands for no first token that is the library's", "[topic]") {
    for (const auto topic : {"tidings", "tidings.a", "tidings.webhook.attempt.failed"}) {
        CAPTURE(topic);
        CHECK(tidings::is_library_topic(topic));
        for (const auto pattern : {">", "*", "*.>", "*.*", "*.webhook.>"}) {
            CHECK_FALSE(tidings::topic_matches(pattern, topic));
            CHECK_FALSE(tidings::pattern_covers(pattern, topic));
            CHECK_FALSE(tidings::patterns_overlap(pattern, topic));
            CHECK_FALSE(tidings::patterns_overlap("tidings.>", pattern));
        }
    }
    CHECK(tidings::topic_matches("tidings.>", "tidings.webhook.attempt.failed"));
    CHECK(tidings::topic_matches("tidings.*.attempt.*", "tidings.webhook.attempt.failed"));
    CHECK_FALSE(tidings::pattern_covers(">", "tidings.>"));
    CHECK(tidings::pattern_covers("tidings.>", "tidings.webhook.>"));
    for (const auto other : {"tidingsx.a", "a.tidings", "tiding", "_a", "Tidings.a"}) {
        CAPTURE(other);
        CHECK_FALSE(tidings::is_library_topic(other));
        CHECK(tidings::topic_matches(">", other));
    }
}

TEST_CASE("matching agrees with a plain recursion on every short pattern and topic", "[topic]") {
    const auto patterns = sequences({"a", "b", "tidings", "*", ">"}, 4);
    const auto topics = sequences({"a", "b", "tidings"}, 5);
    std::size_t wrong = 0, matching = 0;
    for (const auto& pattern : patterns) {
        const auto pattern_tokens = split(pattern);
        for (const auto& topic : topics) {
            const bool expected = naive_matches(pattern_tokens, split(topic));
            matching += expected;
            if (tidings::topic_matches(pattern, topic) == expected) continue;
            ++wrong;
            UNSCOPED_INFO(pattern << " and " << topic);
        }
    }
    CHECK(wrong == 0);
    CHECK(matching > 1000);
}

TEST_CASE("overlaps and covers agree with an enumeration of topics", "[topic]") {
    // One token more than the longest pattern, and one word ("z") that stands in no pattern, make
    // the finite enumeration answer for all topics.
    const auto patterns = sequences({"a", "tidings", "*", ">"}, 3);
    const auto topics = sequences({"a", "tidings", "z"}, 4);
    std::vector<std::vector<bool>> matched;
    for (const auto& pattern : patterns) {
        const auto pattern_tokens = split(pattern);
        auto& row = matched.emplace_back();
        for (const auto& topic : topics) row.push_back(naive_matches(pattern_tokens, split(topic)));
    }
    std::size_t wrong = 0, overlapping = 0, covering = 0;
    for (std::size_t i = 0; i < patterns.size(); ++i) {
        for (std::size_t j = 0; j < patterns.size(); ++j) {
            bool overlap = false, cover = true;
            for (std::size_t k = 0; k < topics.size(); ++k) {
                overlap = overlap || (matched[i][k] && matched[j][k]);
                cover = cover && (matched[i][k] || !matched[j][k]);
            }
            overlapping += overlap;
            covering += cover;
            if (tidings::patterns_overlap(patterns[i], patterns[j]) == overlap &&
                tidings::pattern_covers(patterns[i], patterns[j]) == cover)
                continue;
            ++wrong;
            UNSCOPED_INFO(patterns[i] << " and " << patterns[j]);
        }
    }
    CHECK(wrong == 0);
    CHECK(overlapping > patterns.size());
    CHECK(covering > patterns.size());
}

TEST_CASE("MQTT's wildcards as whole tokens are refused with a hint", "[topic][fault-20]") {
    for (const auto text : {"#"sv, "+"sv, "orders.#"sv, "orders.+.created"sv, "+.a"sv, "#.a"sv}) {
        CAPTURE(text);
        CHECK(tidings::check_topic(text) == errc::foreign_wildcard);
        CHECK(tidings::check_topic_syntax(text) == errc::foreign_wildcard);
        CHECK(tidings::check_pattern(text) == errc::foreign_wildcard);
    }
    // A path of MQTT is one token here, whose parts are no tokens.
    for (const auto text : {"orders/#"sv, "a.orders/+/x"sv, "+/a"sv, "#/a"sv})
        CHECK(tidings::check_pattern(text) == errc::foreign_wildcard);
    const auto hint = make_error_code(errc::foreign_wildcard).message();
    CHECK(hint.find("'>'") != std::string::npos);
    CHECK(hint.find("'*'") != std::string::npos);
    for (const auto text : {"c++"sv, "c#.a"sv, "a.#1"sv, "a/b.c"sv})
        CHECK_FALSE(tidings::check_topic(text));
    // What is malformed besides stays malformed.
    CHECK(tidings::check_pattern("#..a") == errc::bad_pattern);
}

TEST_CASE("questions about text that broke the grammar are answered without harm", "[topic]") {
    const std::string_view odd[] = {"",    ".",  "..", "a.",   ".a",  ">",
                                    ">.a", "a>", "**", "\0"sv, "\xff"};
    for (const auto a : odd) {
        for (const auto b : odd) {
            CHECK(tidings::patterns_overlap(a, b) == tidings::patterns_overlap(b, a));
            CHECK(tidings::topic_matches(a, b) == tidings::pattern_covers(a, b));
        }
    }
    CHECK_FALSE(tidings::pattern_covers(">", ""));
    CHECK_FALSE(tidings::topic_matches(">", ""));
}

TEST_CASE("a stranger's text becomes one token, and usual names stay as they are",
          "[topic][fault-18]") {
    const std::pair<std::string_view, std::string_view> table[] = {
        {"", "~"},
        {"pull_request", "pull_request"},
        {"bob-1@example", "bob-1@example"},
        {"bob@example.com", "bob@example~2ecom"},
        {"a.b", "a~2eb"},
        {"a..b.", "a~2e~2eb~2e"},
        {".", "~2e"},
        {"*", "~2a"},
        {">", "~3e"},
        {"#", "~23"},
        {"+", "~2b"},
        {"c++", "c++"},
        {"c#", "c#"},
        {"a~b", "a~7eb"},
        {"~2e", "~7e2e"},
        {"a b\tc\r\n", "a~20b~09c~0d~0a"},
        {"a\0b"sv, "a~00b"},
        {"_", "~5f"},
        {"_private", "~5fprivate"},
        {"tidings", "~74idings"},
        {"tidings2", "tidings2"},
        {"tidings.lagged", "tidings~2elagged"},
        {"\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9"},
        {"a\xff\xfe", "a~ff~fe"},
        {"a\xc3", "a~c3"},
        {"a\xe2\x82z", "a~e2~82z"},
        {"a\xc2\xa0z", "a~c2~a0z"},
        {"a\xe3\x80\x80z", "a~e3~80~80z"},
    };
    for (const auto& [text, token] : table) CHECK(tidings::topic_token(text) == token);
}

TEST_CASE("what is too long for a token ends in its digest, never inside a character",
          "[topic][fault-18]") {
    const auto token = [](const std::string& text) { return tidings::topic_token(text); };
    CHECK(token(repeated("a", 64)) == repeated("a", 64));
    CHECK(token(repeated("a", 62) + "\xc3\xa9") == repeated("a", 62) + "\xc3\xa9");
    // The first 128 bits of SHA-256, as coreutils' sha256sum prints them.
    CHECK(token(repeated("a", 65)) == repeated("a", 30) + "~~635361c48bb9eab14198e76ea8ab7f1a");
    CHECK(token(repeated("a", 65)) != token(repeated("a", 66)));
    CHECK(token(repeated("\xc3\xa9", 33)).substr(0, 32) == repeated("\xc3\xa9", 15) + "~~");
    CHECK(token(repeated("a", 29) + repeated("\xc3\xa9", 33)).substr(0, 31) ==
          repeated("a", 29) + "~~");
    CHECK(token(repeated(".", 40)).substr(0, 32) == repeated("~2e", 10) + "~~");
    CHECK(token(std::string(1'000'000, '\xff')).size() == 64);
}

TEST_CASE("no two texts make the same token", "[topic][fault-18]") {
    std::mt19937 random(11);
    // Characters that mean something to the escape come often.
    constexpr std::string_view alphabet = "~~~..__ 2ef7atidings*>#+\xff\xc3\xa9";
    std::map<std::string, std::string> texts;  // by token
    for (int i = 0; i < 50'000; ++i) {
        std::string text(random() % 6 + (i % 100 == 0 ? 60 : 0), '\0');
        for (auto& c : text) c = alphabet[random() % alphabet.size()];
        const auto [it, fresh] = texts.emplace(tidings::topic_token(text), text);
        if (!fresh && it->second != text) FAIL(it->second << " and " << text);
    }
    for (const auto* const pair : {"a.b", "a_b", "a b", "a~2eb", "a*b"})
        CHECK(texts.emplace(tidings::topic_token(pair), pair).second);
}

TEST_CASE("no text makes a token that is reserved, refused or two", "[topic]") {
    std::mt19937 random(7);
    const auto check = [](std::string_view text) {
        const auto token = tidings::topic_token(text);
        return !tidings::check_topic(token) && !tidings::check_topic("a." + token + ".b") &&
               token.size() <= tidings::max_topic_token_bytes &&
               token.find('.') == std::string::npos && tidings::is_literal_pattern(token);
    };
    for (int c = 0; c < 0x10000; ++c) {
        const char text[] = {static_cast<char>(c >> 8), static_cast<char>(c & 0xff)};
        if (!check({text, 2})) FAIL("bytes " << c);
    }
    for (const std::string token : bad_tokens) CHECK(check(token));
    for (int i = 0; i < 20'000; ++i) {
        std::string text(random() % 80, '\0');
        for (auto& c : text) c = static_cast<char>(random() & 0xff);
        if (!check(text)) FAIL("random text " << i);
    }
}
