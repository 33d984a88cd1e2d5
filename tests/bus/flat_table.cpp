// SPDX-License-Identifier: BSL-1.0
#include <tidings/bus/impl/index/flat_table.hpp>

#include <cstdint>
#include <map>
#include <random>
#include <set>

#include "support/catch2.hpp"

namespace {

using table = tidings::detail::flat_table<std::uint32_t>;

std::uint32_t find(const table& t, std::uint64_t hash, std::uint32_t value) {
    return t.find(hash, [&](std::uint32_t v) { return v == value; });
}

void add(table& t, std::uint64_t hash, std::uint32_t value) {
    t.reserve_one();
    t.insert(hash, value);
}

}  // namespace

TEST_CASE("values under one hash are distinguished by the predicate", "[flat_table]") {
    table t;
    CHECK(find(t, 5, 1) == 0);
    for (std::uint32_t value = 1; value <= 100; ++value) add(t, 5, value);
    for (std::uint32_t value = 1; value <= 100; ++value) CHECK(find(t, 5, value) == value);
    CHECK(find(t, 5, 101) == 0);
    CHECK(find(t, 6, 1) == 0);
    t.erase(5, 50);
    CHECK(find(t, 5, 50) == 0);
    CHECK(find(t, 5, 100) == 100);
    CHECK(t.size() == 99);
}

TEST_CASE("a hash that only shares a slot is not that hash", "[flat_table]") {
    table t;
    add(t, 1, 7);
    const auto any = [](std::uint32_t) { return true; };
    CHECK(t.find(1, any) == 7);
    CHECK(t.find(1 + (std::uint64_t{1} << 40), any) == 0);
}

TEST_CASE("the table agrees with a map while runs wrap round and holes close", "[flat_table]") {
    std::mt19937 random(3);
    table t;
    std::map<std::uint32_t, std::uint64_t> plain;
    for (std::uint32_t round = 1; round <= 100'000; ++round) {
        // Few homes, some at the end of the array, make long runs.
        const std::uint64_t hash = (random() % 6 - 3U) | (std::uint64_t{random() % 2} << 32);
        const bool growing = (round / 200) % 2 == 0;
        if (random() % 4 < (growing ? 3U : 1U)) {
            add(t, hash, round);
            plain.emplace(round, hash);
        } else if (!plain.empty()) {
            auto it = plain.lower_bound(static_cast<std::uint32_t>(random() % round));
            if (it == plain.end()) it = plain.begin();
            t.erase(it->second, it->first);
            plain.erase(it);
        }
        REQUIRE(t.size() == plain.size());
        if (round % 50 != 0) continue;
        for (const auto& [value, value_hash] : plain) REQUIRE(find(t, value_hash, value) == value);
        std::set<std::uint32_t> all;
        t.for_each([&](std::uint32_t value) { all.insert(value); });
        REQUIRE(all.size() == plain.size());
    }
}

TEST_CASE("the table shrinks with what it holds, to nothing", "[flat_table]") {
    table t;
    CHECK(t.memory_bytes() == 0);
    for (std::uint32_t value = 1; value <= 10'000; ++value) add(t, value * 77, value);
    const auto full = t.memory_bytes();
    for (std::uint32_t value = 1; value < 10'000; ++value) t.erase(value * 77, value);
    CHECK(t.memory_bytes() * 100 < full);
    CHECK(find(t, 770'000, 10'000) == 10'000);
    t.erase(770'000, 10'000);
    CHECK(t.memory_bytes() == 0);
    CHECK(find(t, 770'000, 10'000) == 0);
    add(t, 1, 1);
    CHECK(find(t, 1, 1) == 1);
}
