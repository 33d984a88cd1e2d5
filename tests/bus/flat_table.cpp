// SPDX-License-Identifier: BSL-1.0
#include <tidings/bus/impl/index/flat_table.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "support/catch2.hpp"

namespace {

using slot = tidings::detail::hashed<std::uint32_t>;
using table = tidings::detail::flat_table<slot>;

std::uint32_t find(const table& t, std::uint64_t hash, std::uint32_t value) {
    return t.find(hash, [&](const slot& s) { return s.hash == hash && s.value == value; }).value;
}

void add(table& t, std::uint64_t hash, std::uint32_t value) {
    t.reserve(hash);
    t.insert(hash, {hash, value});
}

void remove(table& t, std::uint64_t hash, std::uint32_t value) {
    t.erase(hash, [&](const slot& s) { return s.value == value; });
}

}  // namespace

TEST_CASE("values under one hash are distinguished by the predicate", "[flat_table]") {
    table t;
    CHECK(find(t, 5, 1) == 0);
    for (std::uint32_t value = 1; value <= 100; ++value) add(t, 5, value);
    for (std::uint32_t value = 1; value <= 100; ++value) CHECK(find(t, 5, value) == value);
    CHECK(find(t, 5, 101) == 0);
    CHECK(find(t, 6, 1) == 0);
    remove(t, 5, 50);
    CHECK(find(t, 5, 50) == 0);
    CHECK(find(t, 5, 100) == 100);
    CHECK(t.size() == 99);
}

TEST_CASE("a hash that only shares a slot is not that hash", "[flat_table]") {
    table t;
    add(t, 1, 7);
    CHECK(find(t, 1, 7) == 7);
    CHECK(find(t, 1 + (std::uint64_t{1} << 40), 7) == 0);
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
            remove(t, it->second, it->first);
            plain.erase(it);
        }
        REQUIRE(t.size() == plain.size());
        if (round % 50 != 0) continue;
        for (const auto& [value, value_hash] : plain) REQUIRE(find(t, value_hash, value) == value);
        std::set<std::uint32_t> all;
        t.for_each([&](const slot& s) { all.insert(s.value); });
        REQUIRE(all.size() == plain.size());
    }
}

TEST_CASE("the table shrinks with what it holds, to nothing", "[flat_table]") {
    table t;
    CHECK(t.memory_bytes() == 0);
    for (std::uint32_t value = 1; value <= 10'000; ++value) add(t, value * 77, value);
    const auto full = t.memory_bytes();
    for (std::uint32_t value = 1; value < 10'000; ++value) remove(t, value * 77, value);
    CHECK(t.memory_bytes() * 100 < full);
    CHECK(find(t, 770'000, 10'000) == 10'000);
    remove(t, 770'000, 10'000);
    CHECK(t.memory_bytes() == 0);
    CHECK(find(t, 770'000, 10'000) == 0);
    add(t, 1, 1);
    CHECK(find(t, 1, 1) == 1);
}

TEST_CASE("no insertion and no erasure moves more than one segment", "[flat_table]") {
    struct counting_hash {
        std::size_t* steps;
        std::uint64_t operator()(const slot& s) const noexcept {
            ++*steps;
            return s.hash;
        }
    };
    using counted = tidings::detail::flat_table<slot, counting_hash>;
    std::size_t steps = 0, most = 0;
    counted t(counting_hash{&steps});
    std::mt19937_64 random(1);
    std::vector<std::uint64_t> hashes(300'000);
    for (auto& h : hashes) h = random();
    const auto counted_step = [&](auto f) {
        steps = 0;
        f();
        most = std::max(most, steps);
    };
    for (std::uint32_t i = 0; i < hashes.size(); ++i)
        counted_step([&] {
            t.reserve(hashes[i]);
            t.insert(hashes[i], {hashes[i], i + 1});
        });
    // It is looked at to be divided, and then moved.
    CHECK(most <= 2 * counted::full_segment);
    CHECK(most > counted::full_segment);
    for (std::uint32_t i = 0; i < hashes.size(); i += 1000)
        REQUIRE(t.find(hashes[i], [&](const slot& s) { return s.value == i + 1; }).value == i + 1);
    most = 0;
    for (std::uint32_t i = 0; i < hashes.size(); ++i)
        counted_step([&] { t.erase(hashes[i], [&](const slot& s) { return s.value == i + 1; }); });
    CHECK(most <= counted::full_segment);
    CHECK(t.memory_bytes() == 0);
}
