// SPDX-License-Identifier: BSL-1.0
#include <tidings/text/impl/plain_prefix.hpp>

#include "support/catch2.hpp"

#include <string>

using namespace tidings::detail;

TEST_CASE("no byte of a plain prefix is out of range or excluded, at any place", "[text]") {
    for (int byte = 0; byte < 256; ++byte) {
        const auto c = static_cast<char>(byte);
        const bool stops = byte < 0x20 || byte > 0x7e || c == '"' || c == '\\';
        for (std::size_t at = 0; at < 24; ++at) {
            std::string text(24, 'x');
            text[at] = c;
            INFO(byte << " at " << at);
            const auto count = plain_prefix<'"', '\\'>(text);
            CHECK(count <= (stops ? at : 24));
            CHECK(count + 7 >= (stops ? at : 24));
            CHECK(plain_prefix<>(text) >= count);
        }
    }
}

TEST_CASE("a plain prefix of fewer bytes than a word is empty", "[text]") {
    CHECK(plain_prefix<>("") == 0);
    CHECK(plain_prefix<>("seven b") == 0);
    CHECK(plain_prefix<>("eight by") == 8);
    CHECK(plain_prefix<>("eight by\n") == 8);
}
