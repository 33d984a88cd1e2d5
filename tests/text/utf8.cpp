// SPDX-License-Identifier: BSL-1.0
#include <tidings/text/utf8.hpp>

#include "support/catch2.hpp"

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::string_literals;
using tidings::is_valid_utf8;
using tidings::utf8_validator;

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span{text});
}

/// The offset of the first byte that the validator refuses, or npos; fed byte by byte.
std::size_t first_refused(std::string_view text) {
    utf8_validator validator;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool fine = validator.feed(bytes_of(text.substr(i, 1)));
        REQUIRE(fine == validator.valid());
        if (!fine) return i;
    }
    return std::string_view::npos;
}

/// RFC 3629 written down again, by value: decodes a code point and asks whether it is one.
bool reference_is_valid(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const std::size_t more = lead < 0x80   ? 0
                                 : lead < 0xc0 ? 9
                                 : lead < 0xe0 ? 1
                                 : lead < 0xf0 ? 2
                                 : lead < 0xf8 ? 3
                                               : 9;
        if (more == 9 || text.size() - i <= more) return false;
        constexpr std::array<char32_t, 4> smallest{0, 0x80, 0x800, 0x1'0000};
        char32_t point = more == 0 ? lead : lead & (0x3fu >> more);
        for (std::size_t k = 1; k <= more; ++k) {
            const auto next = static_cast<unsigned char>(text[i + k]);
            if ((next & 0xc0) != 0x80) return false;
            point = point << 6 | (next & 0x3f);
        }
        const bool surrogate = point >= 0xd800 && point <= 0xdfff;
        if (point < smallest[more] || point > 0x10'ffff || surrogate) return false;
        i += more + 1;
    }
    return true;
}

/// The text cut at every offset must be judged as it is in one piece.
void check_all_cuts(std::string_view text, bool expected) {
    CAPTURE(text.size());
    CHECK(is_valid_utf8(text) == expected);
    std::size_t wrong = 0;
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        utf8_validator validator;
        validator.feed(bytes_of(text.substr(0, cut)));
        validator.feed(bytes_of(text.substr(cut)));
        wrong += validator.complete() != expected;
    }
    CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("UTF-8 is refused at the first byte that no text can hold there", "[codec]") {
    struct bad_text {
        std::string bytes;
        std::size_t refused_at;
    };
    const std::vector<bad_text> cases{
        {"\x80", 0},  // a continuation without a lead
        {"a\xbf", 1},
        {"\xc0\x80", 0},  // overlong leads
        {"\xc1\xbf", 0},
        {"\xe0\x80\x80", 1},  // overlong by the second byte
        {"\xe0\x9f\xbf", 1},
        {"\xf0\x80\x80\x80", 1},
        {"\xf0\x8f\xbf\xbf", 1},
        {"\xed\xa0\x80", 1},  // surrogates, also as a pair
        {"\xed\xbf\xbf", 1},
        {"\xed\xa0\x80\xed\xb0\x80", 1},
        {"\xf4\x90\x80\x80", 1},  // beyond U+10FFFF
        {"\xf5\x80\x80\x80", 0},
        {"\xf8\x88\x80\x80\x80", 0},  // five and six bytes
        {"\xfc\x84\x80\x80\x80\x80", 0},
        {"\xfe", 0},
        {"\xff", 0},
        {"\xc2\x41", 1},  // a character broken off by the next
        {"\xc2\xc2", 1},
        {"\xe2\x82\x41", 2},
        {"\xf0\x9f\x98\x41", 3},
        {"\xc3\xa9\xa9", 2},  // a continuation too many
        {"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80\x65\x64\x69\x74\x65\x64", 12},
        {"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80\x65\x64\x69\x74\x65\x64",
         12},
    };
    for (const auto& [bytes, refused_at] : cases) {
        CAPTURE(refused_at, bytes.size());
        CHECK(first_refused(bytes) == refused_at);
        check_all_cuts(bytes, false);
    }
}

TEST_CASE("UTF-8 that stops inside a character is possible but not complete", "[codec]") {
    for (const std::string& text : {"\xc2"s, "a\xe2"s, "\xe2\x82"s, "\xf0"s, "\xf0\x9f"s,
                                    "\xf0\x9f\x98"s, "\xf4\x8f\xbf"s, "12345678\xed\x9f"s}) {
        utf8_validator validator;
        CHECK(validator.feed(bytes_of(text)));
        CHECK(validator.valid());
        CHECK_FALSE(validator.complete());
        CHECK_FALSE(is_valid_utf8(text));
    }
}

TEST_CASE("UTF-8 once refused stays refused until reset", "[codec]") {
    utf8_validator validator;
    CHECK_FALSE(validator.feed(bytes_of("\xff")));
    CHECK_FALSE(
        validator.feed(bytes_of("plain text that is longer than any word of the fast path")));
    CHECK_FALSE(validator.feed({}));
    CHECK_FALSE(validator.valid());
    CHECK_FALSE(validator.complete());
    validator.reset();
    CHECK(validator.complete());
    CHECK(validator.feed(bytes_of("\xc3\xa9")));
    CHECK(validator.complete());
}

TEST_CASE("Valid UTF-8 is accepted however it is cut", "[codec]") {
    check_all_cuts("", true);
    check_all_cuts("\0"s, true);
    check_all_cuts("Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!", true);
    check_all_cuts("\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", true);
    check_all_cuts("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xee\x80\x80\xed\x9f\xbf\xef\xbf\xbf", true);
    check_all_cuts(std::string(200, '~'), true);
}

TEST_CASE("UTF-8 agrees with RFC 3629 on every pair and every kind of longer sequence", "[codec]") {
    std::size_t wrong = 0;
    std::size_t valid = 0;
    const auto compare = [&](std::string_view text) {
        const bool expected = reference_is_valid(text);
        valid += expected;
        wrong += is_valid_utf8(text) != expected;
    };
    constexpr std::array tails{'\x00', '\x7f', '\x80', '\x8f', '\x90',
                               '\x9f', '\xa0', '\xbf', '\xc0'};
    for (unsigned lead = 0; lead < 256; ++lead) {
        compare(std::string{static_cast<char>(lead)});
        for (unsigned second = 0; second < 256; ++second) {
            const std::string pair{static_cast<char>(lead), static_cast<char>(second)};
            compare(pair);
            for (const char third : tails) {
                compare(pair + third);
                for (const char fourth : tails) compare(pair + third + fourth);
            }
        }
    }
    CHECK(wrong == 0);
    CHECK(valid > 20'000);
}

TEST_CASE("UTF-8 is judged alike at every place of the fast path's words", "[codec]") {
    const std::string euro = "\xe2\x82\xac";
    for (std::size_t before = 0; before < 72; ++before) {
        for (const std::size_t after : {0u, 1u, 7u, 8u, 16u, 31u, 32u, 33u}) {
            const std::string head(before, 'a');
            const std::string tail(after, 'z');
            const std::array<std::string, 6> bad{head + "\xff" + tail,
                                                 head + "\xe2\x82" + tail,
                                                 head + "\x80" + tail,
                                                 head + euro + "\x80" + tail,
                                                 euro + head + "\xed\xa0\x80" + tail,
                                                 head + "\xe2\x82" + tail + "z\xac"};
            bool all =
                is_valid_utf8(head + euro + tail) && is_valid_utf8(euro + head + tail + euro);
            for (const auto& text : bad) all = all && !is_valid_utf8(text);
            if (!all) FAIL("wrong with " << before << " bytes before and " << after << " after");
        }
    }
    SUCCEED();
}
