// SPDX-License-Identifier: BSL-1.0
#include <tidings/text/impl/hex.hpp>

#include "support/catch2.hpp"

#include <string>
#include <string_view>

namespace {

using namespace std::string_view_literals;
using tidings::detail::hex_decode;
using tidings::detail::hex_encode;
using tidings::detail::hex_value;

TEST_CASE("what is not pairs of hexadecimal digits is refused", "[detail]") {
    const auto text =
        GENERATE(as<std::string_view>{}, "0", "abc", "0g", "g0", "0x", " 0", "0 ", "-1", "+1",
                 "00 0", "/0", ":0", "@0", "G0", "`0", "\xff\xff", "0\0"sv);
    CAPTURE(text);
    CHECK_FALSE(hex_decode(text));
}

TEST_CASE("the hexadecimal vectors of RFC 4648 section 10 hold both ways", "[detail]") {
    CHECK(hex_encode("foobar") == "666f6f626172");
    CHECK(hex_decode("666F6F626172") == "foobar");
    CHECK(hex_decode("666f6f626172") == "foobar");
    CHECK(hex_encode("").empty());
    CHECK(hex_decode("") == "");
}

TEST_CASE("every byte survives hexadecimal, in lower case", "[detail]") {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    const auto text = hex_encode(bytes);
    CHECK(text.substr(0, 8) == "00010203");
    CHECK(text.substr(506) == "fdfeff");
    CHECK(hex_decode(text) == bytes);
}

TEST_CASE("a hexadecimal digit has its value in either case", "[detail]") {
    CHECK(hex_value('0') == 0);
    CHECK(hex_value('9') == 9);
    CHECK(hex_value('a') == 10);
    CHECK(hex_value('F') == 15);
    CHECK(hex_value('g') == -1);
}

}  // namespace
