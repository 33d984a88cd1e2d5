// SPDX-License-Identifier: BSL-1.0
#include <tidings/crypto/impl/siphash.hpp>

#include "support/catch2.hpp"

#include <string>

namespace {

using tidings::detail::siphash;

// The key 00 01 .. 0f, the text 00 01 .. of each length: appendix A of the paper, and the vectors
// that its authors publish.
TEST_CASE("the examples of SipHash-2-4 hold", "[detail]") {
    const siphash hash(0x0706050403020100U, 0x0f0e0d0c0b0a0908U);
    std::string text;
    for (char c = 0; c < 15; ++c) text.push_back(c);
    CHECK(hash(std::string_view()) == 0x726fdb47dd0e0e31U);
    CHECK(hash(std::string_view(text).substr(0, 1)) == 0x74f839c593dc67fdU);
    CHECK(hash(std::string_view(text).substr(0, 8)) == 0x93f5f5799a932462U);
    CHECK(hash(text) == 0xa129ca6149be45e5U);
}

TEST_CASE("under another key a text has another SipHash", "[detail]") {
    CHECK(siphash(1, 2)("text") != siphash(1, 3)("text"));
    CHECK(siphash(1, 2)("text") != siphash(2, 2)("text"));
}

}  // namespace
