// SPDX-License-Identifier: BSL-1.0
#include <tidings/bus/impl/index/token_table.hpp>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "support/catch2.hpp"

TEST_CASE("a token has one number while somebody holds it", "[token_table]") {
    tidings::detail::token_table<> table{tidings::detail::seeded_hash(1)};
    CHECK(table.find("a") == 0);
    const auto a = table.acquire("a");
    CHECK(a != 0);
    CHECK(table.acquire("a") == a);
    CHECK(table.find("a") == a);
    const auto b = table.acquire("b");
    CHECK(b != a);
    CHECK(table.size() == 2);
    table.release(a);
    CHECK(table.find("a") == a);
    table.release(a);
    CHECK(table.find("a") == 0);
    CHECK(table.find("b") == b);
    CHECK(table.size() == 1);
    CHECK(table.acquire("c") == a);
}

TEST_CASE("numbers given back are used again before new ones are made", "[token_table]") {
    tidings::detail::token_table<> table{tidings::detail::seeded_hash(1)};
    const auto stays = table.acquire("stays");
    std::set<std::uint32_t> numbers;
    for (int cycle = 0; cycle < 5; ++cycle) {
        const auto text = [&](int i) { return std::to_string(cycle) + "-" + std::to_string(i); };
        for (int i = 0; i < 100; ++i) numbers.insert(table.acquire(text(i)));
        for (int i = 0; i < 100; ++i) table.release(table.find(text(i)));
    }
    CHECK(numbers.size() == 100);
    CHECK(numbers.count(stays) == 0);
    CHECK(table.find("stays") == stays);
    table.release(stays);
    CHECK(table.size() == 0);
    CHECK(table.memory_bytes() == 0);
}

TEST_CASE("tokens whose hashes are equal have different numbers", "[token_table]") {
    struct flooded {
        std::uint64_t operator()(std::string_view) const noexcept { return 7; }
    };
    tidings::detail::token_table<flooded> table{flooded{}};
    const auto a = table.acquire("a"), b = table.acquire("b"), c = table.acquire("c");
    CHECK(std::set<std::uint32_t>{a, b, c}.size() == 3);
    table.release(a);
    CHECK(table.find("a") == 0);
    CHECK(table.find("b") == b);
    CHECK(table.find("c") == c);
}
