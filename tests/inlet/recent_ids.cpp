// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/inlet/impl/recent_ids.hpp>

namespace tidings::detail {

using standing = recent_ids::standing;

TEST_CASE("an id is pending until it is accepted, then known", "[recent_ids]") {
    recent_ids ids(10);
    CHECK(ids.begin("a") == standing::fresh);
    CHECK(ids.begin("a") == standing::pending);
    ids.accept("a");
    CHECK(ids.begin("a") == standing::known);
    CHECK(ids.begin("b") == standing::fresh);
}

TEST_CASE("an id that was forgotten is fresh again", "[recent_ids]") {
    recent_ids ids(10);
    CHECK_FALSE(ids.forget("a"));
    ids.begin("a");
    CHECK(ids.forget("a"));
    CHECK_FALSE(ids.forget("a"));
    ids.accept("a");  // too late: nothing to accept
    CHECK(ids.begin("a") == standing::fresh);
    ids.accept("a");
    CHECK(ids.forget("a"));
    CHECK(ids.begin("a") == standing::fresh);
}

TEST_CASE("the oldest accepted id makes room, a pending one stays", "[recent_ids]") {
    recent_ids ids(2);
    ids.begin("pending");
    for (const auto* id : {"a", "b", "c"}) {
        ids.begin(id);
        ids.accept(id);
        ids.accept(id);  // once is enough
    }
    CHECK(ids.begin("pending") == standing::pending);
    CHECK(ids.begin("b") == standing::known);
    CHECK(ids.begin("c") == standing::known);
    CHECK(ids.begin("a") == standing::fresh);
}

TEST_CASE("where nothing is remembered, everything accepted is fresh", "[recent_ids]") {
    recent_ids ids(0);
    ids.begin("a");
    CHECK(ids.begin("a") == standing::pending);
    ids.accept("a");
    CHECK(ids.begin("a") == standing::fresh);
}

}  // namespace tidings::detail
