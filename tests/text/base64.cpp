// SPDX-License-Identifier: BSL-1.0
#include <tidings/text/impl/base64.hpp>

#include "support/catch2.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace std::string_view_literals;
using tidings::detail::base64_append;
using tidings::detail::base64_decode;
using tidings::detail::base64_encode;

TEST_CASE("base64 that is not the one text of some bytes is refused", "[detail]") {
    const auto text =
        GENERATE(as<std::string_view>{}, "Z", "Zg", "Zg=", "Zm8", "Zm9vY", "Zm9vYg",  // no padding
                 "=", "==", "===", "====", "A===", "Zg===", "Zg======", "Zg==Zg==", "Zm8=Zm8=",
                 "Z=g=", "=Zg=", "Zm9v====",                      // padding inside
                 "Zh==", "Zi==", "Zv==", "Z//=", "Zm9=", "Zm+=",  // trailing bits
                 " Zg==", "Zg== ", "Zg==\n", "Zm9v\r\nYmFy", "Zm9v\nYmF", "Z g=", "Zm-_", "____",
                 "Zm9*", "Zm\xc3\xa9", "\xff\xff\xff\xff", "Zm9v\0v=="sv, "\0\0\0\0"sv);
    CAPTURE(text);
    CHECK_FALSE(base64_decode(text));
}

TEST_CASE("the base64 vectors of RFC 4648 section 10 hold both ways", "[detail]") {
    const auto [bytes, text] = GENERATE(table<std::string_view, std::string_view>({
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\0"sv, "AA=="},
        {"\0\0\0"sv, "AAAA"},
        {"\xff\xff\xff\xff", "/////w=="},
        {"\xfb\xef\xbe", "++++"},
    }));
    CHECK(base64_encode(bytes) == text);
    CHECK(base64_decode(text) == std::string(bytes));
}

TEST_CASE("every byte survives base64 at every place in a group", "[detail]") {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    for (std::size_t offset = 0; offset < 4; ++offset) {
        const auto part = bytes.substr(offset);
        CHECK(base64_decode(base64_encode(part)) == part);
    }
    // The whole alphabet in order, recomputed with another implementation.
    CHECK(base64_encode("\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f\x41\x14\x93\x51\x55\x97"
                        "\x61\x96\x9b\x71\xd7\x9f\x82\x18\xa3\x92\x59\xa7\xa2\x9a\xab\xb2\xdb\xaf"
                        "\xc3\x1c\xb3\xd3\x5d\xb7\xe3\x9e\xbb\xf3\xdf\xbf"sv) ==
          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
}

TEST_CASE("base64 is appended to what is there", "[detail]") {
    std::string text = "v1,";
    base64_append("fo", text);
    base64_append("foo", text);
    CHECK(text == "v1,Zm8=Zm9v");
}

TEST_CASE("one and two bytes have exactly one base64 text each", "[detail]") {
    // 64 * 64 texts of the form "xx==", of which only 256 are canonical.
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    int accepted = 0;
    for (const char a : alphabet)
        for (const char b : alphabet)
            if (const auto bytes = base64_decode(std::string{a, b, '=', '='})) {
                ++accepted;
                CHECK(bytes->size() == 1);
            }
    CHECK(accepted == 256);
}

}  // namespace
