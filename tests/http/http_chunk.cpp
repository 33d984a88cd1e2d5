// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/http/impl/message/http_chunk.hpp>

#include <string>

namespace {

std::string chunk(std::string_view payload) {
    std::string out;
    tidings::append_chunk(out, payload);
    return out;
}

}  // namespace

TEST_CASE("an empty payload gives no chunk, which would end the body", "[codec]") {
    REQUIRE(chunk("").empty());
}

TEST_CASE("a chunk is its size in hexadecimal, the payload and two line ends", "[codec]") {
    REQUIRE(chunk("x") == "1\r\nx\r\n");
    REQUIRE(chunk("data: a\n\n") == "9\r\ndata: a\n\n\r\n");
    REQUIRE(chunk(std::string(10, 'x')) == "a\r\nxxxxxxxxxx\r\n");
    REQUIRE(chunk(std::string(16, 'x')).substr(0, 4) == "10\r\n");
    REQUIRE(chunk(std::string(0xbeef, 'x')).substr(0, 6) == "beef\r\n");
}

TEST_CASE("a payload is not looked at", "[codec]") {
    using namespace std::string_literals;
    REQUIRE(chunk("0\r\n\r\n\0\xff"s) == "7\r\n0\r\n\r\n\0\xff\r\n"s);
}

TEST_CASE("chunks follow one another and the last one ends the body", "[codec]") {
    std::string out = "head";
    tidings::append_chunk(out, "a");
    tidings::append_chunk(out, "");
    tidings::append_chunk(out, "bc");
    out += tidings::last_chunk;
    REQUIRE(out == "head1\r\na\r\n2\r\nbc\r\n0\r\n\r\n");
}
