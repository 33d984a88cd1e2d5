// SPDX-License-Identifier: BSL-1.0
#include <tidings/webhook/impl/connection_turns.hpp>

#include "support/catch2.hpp"

#include <algorithm>

#include <string>
#include <vector>

namespace tidings::test {

namespace {

using webhook::detail::connection_turns;
using group = connection_turns::group;
using texts = std::vector<std::string>;

/// Begins an attempt for each that has its turn.
texts begin_all(connection_turns& turns) {
    texts begun;
    while (auto t = turns.next()) {
        turns.begin(t->of);
        begun.push_back(std::move(t->endpoint));
    }
    return begun;
}

}  // namespace

TEST_CASE("endpoints take turns within their group, and the groups do", "[webhook]") {
    connection_turns turns(100);
    for (const auto* id : {"a", "b", "c"}) turns.wait(id, group::proven);
    for (const auto* id : {"x", "y"}) turns.wait(id, group::unproven);
    CHECK_FALSE(turns.idle());
    CHECK(begin_all(turns) == texts{"a", "x", "b", "y", "c"});
    CHECK(turns.idle());
    CHECK(turns.in_flight() == 5);
}

TEST_CASE("endpoints without a success have half of the connections at most", "[webhook]") {
    connection_turns turns(8);
    for (int i = 0; i < 20; ++i) turns.wait("x", group::unproven);
    CHECK(begin_all(turns).size() == 4);
    for (int i = 0; i < 20; ++i) turns.wait("a", group::proven);
    CHECK(begin_all(turns) == texts(4, "a"));
    // What one ends another has, in its own group.
    turns.end(group::unproven);
    CHECK(begin_all(turns).size() == 1);
    turns.end(group::proven);
    CHECK(begin_all(turns) == texts{"a"});
    for (int i = 0; i < 4; ++i) turns.end(group::unproven);
    const auto next = begin_all(turns);
    CHECK(next.size() == 4);
    CHECK(turns.in_flight() == 8);
}

TEST_CASE("endpoints that succeed have all connections when nothing else wants them", "[webhook]") {
    connection_turns turns(8);
    for (int i = 0; i < 20; ++i) turns.wait("a", group::proven);
    CHECK(begin_all(turns).size() == 8);
    turns.wait("x", group::unproven);
    CHECK_FALSE(turns.next());
    turns.end(group::proven);
    turns.end(group::proven);
    const auto both = begin_all(turns);
    CHECK(both.size() == 2);
    CHECK(std::count(both.begin(), both.end(), "x") == 1);
}

TEST_CASE("one connection is enough for both groups, in turn", "[webhook]") {
    connection_turns turns(GENERATE(0U, 1U));
    turns.wait("a", group::proven);
    turns.wait("b", group::proven);
    turns.wait("x", group::unproven);
    texts order;
    for (int i = 0; i < 3; ++i) {
        const auto t = turns.next();
        REQUIRE(t);
        order.push_back(t->endpoint);
        turns.begin(t->of);
        CHECK_FALSE(turns.next());
        turns.end(t->of);
    }
    CHECK(std::count(order.begin(), order.end(), "x") == 1);
    CHECK(order.back() != "x");
}

}  // namespace tidings::test
