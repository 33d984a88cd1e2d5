// SPDX-License-Identifier: BSL-1.0
#include <tidings/bus/impl/index/seeded_hash.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "support/catch2.hpp"

using tidings::detail::seeded_hash;

TEST_CASE("the portable product is the wide one", "[seeded_hash]") {
    using tidings::detail::fold_multiply;
    using tidings::detail::fold_multiply_portable;
    constexpr auto most = ~std::uint64_t{0};
    static_assert(fold_multiply_portable(most, most) == most);  // 1 and most - 1
    static_assert(fold_multiply_portable(std::uint64_t{1} << 63, 4) == 2);
    static_assert(fold_multiply_portable(3, 5) == 15);
    std::mt19937_64 random(1);
    for (int i = 0; i < 10'000; ++i) {
        const auto a = random() >> random() % 64, b = random() >> random() % 64;
        if (fold_multiply(a, b) != fold_multiply_portable(a, b)) FAIL(a << " * " << b);
    }
}

TEST_CASE("a hash depends on the text and the seed only", "[seeded_hash]") {
    const std::string text = "orders.42.created, and some more to pass the first block";
    for (std::size_t size = 0; size <= text.size(); ++size) {
        // From another address, and with other bytes behind it.
        const std::string copy = "?" + text.substr(0, size) + "!";
        const std::string_view a(text.data(), size), b(copy.data() + 1, size);
        CHECK(seeded_hash(1)(a) == seeded_hash(1)(b));
        CHECK(seeded_hash(1)(a) != seeded_hash(2)(a));
    }
    CHECK(seeded_hash(1)(7, 1) != seeded_hash(2)(7, 1));
}

TEST_CASE("similar texts have different hashes, well spread", "[seeded_hash]") {
    const seeded_hash hash(9);
    std::vector<std::uint64_t> hashes;
    for (std::size_t size = 0; size < 300; ++size) {
        hashes.push_back(hash(std::string(size, '\0')));
        hashes.push_back(hash(std::string(size + 1, 'a')));
    }
    for (int i = 0; i < 50'000; ++i) {
        hashes.push_back(hash("orders." + std::to_string(i) + ".created"));
        hashes.push_back(hash(std::to_string(i)));
    }
    // Blocks exchanged, and one bit turned at every place.
    const std::string p(16, 'p'), q(16, 'q');
    hashes.push_back(hash(p + q + "x"));
    hashes.push_back(hash(q + p + "x"));
    for (std::size_t size : {2U, 5U, 11U, 40U, 48U, 64U}) {
        for (std::size_t bit = 0; bit < size * 8; ++bit) {
            std::string text(size, 'm');
            text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
            hashes.push_back(hash(text));
        }
    }
    CHECK(std::unordered_set<std::uint64_t>(hashes.begin(), hashes.end()).size() == hashes.size());
    std::vector<int> low(1024), high(1024);
    for (const auto h : hashes) {
        ++low[h & 1023];
        ++high[h >> 54];
    }
    // About 100 in each on average; a dozen standard deviations is far out.
    for (const auto* buckets : {&low, &high}) {
        CHECK(*std::max_element(buckets->begin(), buckets->end()) < 220);
        CHECK(*std::min_element(buckets->begin(), buckets->end()) > 20);
    }
}

TEST_CASE("a turned bit turns about half of the hash", "[seeded_hash]") {
    const seeded_hash hash(11);
    for (const std::size_t size : {1U, 3U, 4U, 7U, 8U, 15U, 16U, 17U, 33U}) {
        std::size_t turned = 0, tries = 0;
        const std::string text(size, 'k');
        for (std::size_t bit = 0; bit < size * 8; ++bit) {
            auto other = text;
            other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << bit % 8));
            turned += static_cast<std::size_t>(std::popcount(hash(text) ^ hash(other)));
            ++tries;
        }
        CAPTURE(size);
        CHECK(turned > tries * 24);
        CHECK(turned < tries * 40);
    }
}

TEST_CASE("pairs of numbers spread over places, by high bits and by low ones", "[seeded_hash]") {
    const seeded_hash hash(5);
    std::unordered_set<std::uint64_t> hashes;
    std::vector<int> low(256), high(256);
    for (std::uint64_t node = 1; node <= 300; ++node) {
        for (std::uint64_t token = 0x30; token < 0x30 + 300; ++token) {
            const auto h = hash(token << 8 | 0x31, node);
            hashes.insert(h);
            ++low[h & 255];
            ++high[h >> 56];
        }
    }
    CHECK(hashes.size() == 90'000);
    CHECK(*std::max_element(low.begin(), low.end()) < 600);
    CHECK(*std::max_element(high.begin(), high.end()) < 600);
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        const seeded_hash other(seed);
        for (int bit = 0; bit < 64; ++bit) {
            CHECK(other(1, 1) != other(1 ^ std::uint64_t{1} << bit, 1));
            CHECK(other(1, 1) != other(1, 1 ^ std::uint64_t{1} << bit));
        }
    }
}
