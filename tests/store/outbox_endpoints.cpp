// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/store/outbox_endpoints.hpp>

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tidings::test {

namespace {

using store::outbox_endpoints;

std::set<std::string> ids_of(const outbox_endpoints& e) {
    std::set<std::string> ids;
    std::string last;
    for (const auto& id : e) {
        CHECK((ids.empty() || last < id));
        last = id;
        ids.insert(id);
    }
    CHECK(e.size() == ids.size());
    return ids;
}

}  // namespace

TEST_CASE("a set of endpoints has each id once, in order", "[store]") {
    outbox_endpoints e{"b", "a", "b"};
    CHECK(ids_of(e) == std::set<std::string>{"a", "b"});
    CHECK(e.contains("a"));
    CHECK_FALSE(e.contains("c"));
    CHECK_FALSE(e.insert("a"));
    CHECK_FALSE(e.erase("c"));
    CHECK(e.erase("a"));
    CHECK(e.erase("b"));
    CHECK(e.empty());
    CHECK(e.begin() == e.end());
}

TEST_CASE("a change of a set of endpoints changes no copy of it", "[store]") {
    outbox_endpoints e;
    std::set<std::string> ids;
    std::vector<std::pair<outbox_endpoints, std::set<std::string>>> before;
    std::uint32_t random = 1;
    for (int i = 0; i < 600; ++i) {
        random = random * 1664525 + 1013904223;
        const auto id = std::to_string((random >> 16) % 150);
        if ((random >> 8) % 3 == 0) {
            CHECK(e.erase(id) == (ids.erase(id) != 0));
        } else {
            CHECK(e.insert(id) == ids.insert(id).second);
        }
        if (i % 50 == 0) before.emplace_back(e, ids);
    }
    before.emplace_back(e, ids);
    for (const auto& [copy, as_it_was] : before) CHECK(ids_of(copy) == as_it_was);
}

}  // namespace tidings::test
