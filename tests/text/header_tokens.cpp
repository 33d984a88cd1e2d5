// SPDX-License-Identifier: BSL-1.0
#include <tidings/text/impl/header_tokens.hpp>

#include "support/catch2.hpp"

#include <array>
#include <string_view>

using tidings::detail::header_has_token;

TEST_CASE("A token is not found in what only resembles it", "[text]") {
    for (const std::string_view value :
         {"", " ", ",", ", ,", "upgrad", "upgraded", "an upgrade", "upgrade;q=1", "\"upgrade\"",
          "keep-alive, close", "up,grade", "up grade", "upgrade\v", "upgrade/1"}) {
        CAPTURE(value);
        CHECK_FALSE(header_has_token(value, "upgrade"));
    }
    CHECK_FALSE(header_has_token("a,,b", ""));
    CHECK_FALSE(header_has_token("", ""));
    CHECK_FALSE(header_has_token("[pgrade", "{pgrade"));  // differ in the bit of the case only
}

TEST_CASE("A token is found anywhere in a list, in any case", "[text]") {
    for (const std::string_view value :
         {"upgrade", "Upgrade", "UPGRADE", "keep-alive, Upgrade", "Upgrade,keep-alive",
          "a ,\tupgrade\t , b", ",,upgrade,,", "  upgrade  ", "upgrade,", ",upgrade"}) {
        CAPTURE(value);
        CHECK(header_has_token(value, "upgrade"));
        CHECK(header_has_token(value, "UpGrAdE"));
    }
    CHECK(header_has_token("h2c, WebSocket", "websocket"));
}
