// SPDX-License-Identifier: BSL-1.0
#include <tidings/webhook/impl/in_flight_window.hpp>

#include "support/catch2.hpp"

namespace tidings::test {

using webhook::detail::in_flight_window;

TEST_CASE("a window begins at its maximum and is halved down to one", "[webhook]") {
    in_flight_window w(12);
    CHECK(w.size() == 12);
    for (const auto expected : {6U, 3U, 1U, 1U}) {
        w.on_overload();
        CHECK(w.size() == expected);
    }
}

TEST_CASE("a window of successes widens it by one, up to its maximum", "[webhook]") {
    in_flight_window w(4);
    w.on_overload();
    w.on_overload();
    REQUIRE(w.size() == 1);
    for (std::size_t size = 1; size < 4; ++size) {
        for (std::size_t i = 0; i < size; ++i) {
            CHECK(w.size() == size);
            w.on_success();
        }
        CHECK(w.size() == size + 1);
    }
    for (int i = 0; i < 20; ++i) w.on_success();
    CHECK(w.size() == 4);
}

TEST_CASE("an overload forgets the successes before it", "[webhook]") {
    in_flight_window w(8);
    w.on_overload();  // 4
    for (int i = 0; i < 3; ++i) w.on_success();
    w.on_overload();  // 2
    w.on_success();
    CHECK(w.size() == 2);
    w.on_success();
    CHECK(w.size() == 3);
}

TEST_CASE("a window keeps what it learned when its maximum changes", "[webhook]") {
    in_flight_window w(8);
    w.limit(16);
    CHECK(w.size() == 16);
    w.on_overload();
    w.limit(10);
    CHECK(w.size() == 8);
    w.limit(3);
    CHECK(w.size() == 3);
    CHECK(in_flight_window(0).size() == 1);
}

}  // namespace tidings::test
