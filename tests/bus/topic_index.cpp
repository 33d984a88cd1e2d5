// SPDX-License-Identifier: BSL-1.0
#include <tidings/bus/impl/index/topic_index.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch2.hpp"
#include "support/listed_index.hpp"
#include "support/naive_topics.hpp"

namespace {

using index_type = tidings::test::listed_index<int>;

// What a stranger that knew the seed would make of it: all texts collide.
struct flooded {
    explicit flooded(std::uint64_t) {}
    std::uint64_t operator()(std::string_view) const noexcept { return 7; }
    std::uint64_t operator()(std::uint64_t, std::uint64_t) const noexcept { return 7; }
};

std::vector<int> found(const index_type& index, std::string_view topic) {
    std::vector<int> values;
    index.match(topic, [&](const std::vector<int>& list) {
        values.insert(values.end(), list.begin(), list.end());
    });
    std::sort(values.begin(), values.end());
    return values;
}

// The same by looking at every pattern.
class plain_index {
 public:
    void insert(const std::string& pattern, int value) { lists_[pattern].push_back(value); }
    bool erase(const std::string& pattern, int value) {
        const auto it = lists_.find(pattern);
        if (it == lists_.end()) return false;
        const auto at = std::find(it->second.begin(), it->second.end(), value);
        if (at == it->second.end()) return false;
        it->second.erase(at);
        if (it->second.empty()) lists_.erase(it);
        return true;
    }
    std::vector<std::vector<int>> match(std::string_view topic) const {
        std::vector<std::vector<int>> all;
        const auto of_topic = tidings::test::split(topic);
        for (const auto& [pattern, values] : lists_)
            if (tidings::test::naive_matches(tidings::test::split(pattern), of_topic))
                all.push_back(values);
        std::sort(all.begin(), all.end());
        return all;
    }
    std::size_t patterns() const { return lists_.size(); }
    const std::map<std::string, std::vector<int>>& lists() const { return lists_; }

 private:
    std::map<std::string, std::vector<int>> lists_;
};

std::string random_text(std::mt19937& random, bool wildcards) {
    static const char* const words[] = {
        "a", "tidings", "8-bytes!", "8-bytes!+", "a-token-longer-than-fifteen-bytes", "*", ">"};
    const std::size_t size = 1 + random() % 5;
    std::string text;
    for (std::size_t i = 0; i < size; ++i) {
        const bool last = i + 1 == size;
        const std::size_t choice = random() % (!wildcards ? 5U : last ? 7U : 6U);
        text += (i == 0 ? "" : ".") + std::string(words[choice]);
    }
    return text;
}

template <class Index>
void compare_under_churn(std::size_t rounds) {
    std::mt19937 random(42);
    Index index(random());
    plain_index plain;
    std::size_t size = 0, visits = 0;
    for (std::size_t round = 0; round < rounds; ++round) {
        // The set grows and shrinks in turns, down to nothing.
        const bool growing = (round / 3000) % 2 == 0;
        if (random() % 10 < (growing ? 7U : 1U)) {
            const auto pattern = random_text(random, true);
            const int value = static_cast<int>(random() % 4);
            index.insert(pattern, value);
            plain.insert(pattern, value);
            ++size;
        } else if (size != 0) {
            auto it = plain.lists().begin();
            std::advance(it, random() % std::min<std::size_t>(plain.patterns(), 50));
            const auto pattern = it->first;
            const int value = static_cast<int>(random() % 4);
            const bool there = plain.erase(pattern, value);
            REQUIRE(index.erase(pattern, value) == there);
            size -= there;
        }
        REQUIRE(index.size() == size);
        REQUIRE(index.used().patterns == plain.patterns());
        if (round % 100 == 0) REQUIRE(index.walked() == plain.patterns());
        if (round % 5 != 0) continue;
        const auto topic = random_text(random, false);
        std::vector<std::vector<int>> lists;
        index.match(topic, [&](const std::vector<int>& list) { lists.push_back(list); });
        std::sort(lists.begin(), lists.end());
        visits += lists.size();
        if (lists != plain.match(topic)) FAIL("round " << round << ", topic " << topic);
    }
    CHECK(visits > rounds / 3);
}

std::string repeated(std::string_view token, std::size_t times) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) text += (i == 0 ? "" : ".") + std::string(token);
    return text;
}

}  // namespace

TEST_CASE("an empty index matches nothing and holds nothing", "[topic_index]") {
    const index_type index(1);
    CHECK(found(index, "a").empty());
    CHECK(index.size() == 0);
    CHECK(index.used() == index_type::usage{});
}

TEST_CASE("erasing what is not there changes nothing", "[topic_index]") {
    index_type index(1);
    index.insert("a.*", 1);
    index.insert("a.b", 2);
    const auto used = index.used();
    const auto generation = index.generation();
    CHECK_FALSE(index.erase("a.*", 2));
    CHECK_FALSE(index.erase("a.b", 1));
    CHECK_FALSE(index.erase("a", 1));
    CHECK_FALSE(index.erase("a.>", 1));
    CHECK_FALSE(index.erase("*", 1));
    CHECK(index.used() == used);
    CHECK(index.generation() == generation);
    CHECK(index.size() == 2);
    CHECK(found(index, "a.b") == std::vector<int>{1, 2});
}

TEST_CASE("every kind of pattern is found by the topics that match it", "[topic_index]") {
    index_type index(1);
    index.insert("a.b.c", 1);
    index.insert("a.*.c", 2);
    index.insert("a.>", 3);
    index.insert(">", 4);
    index.insert("*", 5);
    index.insert("*.b.>", 6);
    index.insert("a", 7);
    index.insert("*.*.*", 8);
    CHECK(found(index, "a.b.c") == std::vector<int>{1, 2, 3, 4, 6, 8});
    CHECK(found(index, "a") == std::vector<int>{4, 5, 7});
    CHECK(found(index, "a.b") == std::vector<int>{3, 4});
    CHECK(found(index, "b") == std::vector<int>{4, 5});
    CHECK(found(index, "x.b.y.z") == std::vector<int>{4, 6});
    CHECK(found(index, "a.x.c") == std::vector<int>{2, 3, 4, 8});
}

TEST_CASE("a list keeps the order of insertion and is visited once", "[topic_index]") {
    index_type index(1);
    for (const auto pattern : {"a.b", "a.*", "*.>"}) {
        for (const int value : {3, 1, 2, 1}) index.insert(pattern, value);
        CHECK(index.erase(pattern, 1));
    }
    CHECK(index.size() == 9);
    int visits = 0;
    index.match("a.b", [&](const std::vector<int>& list) {
        ++visits;
        CHECK(list == std::vector<int>{3, 2, 1});
    });
    CHECK(visits == 3);
}

TEST_CASE("the generation rises with the set of patterns, not with their lists", "[topic_index]") {
    for (const std::string pattern : {"a.b", "a.*", ">"}) {
        index_type index(1);
        const auto fresh = index.generation();
        CHECK(fresh == 1);
        index.insert(pattern, 1);
        const auto one = index.generation();
        CHECK(one > fresh);
        const std::vector<int>* list = nullptr;
        index.match("a.b", [&](const std::vector<int>& l) { list = &l; });
        index.insert(pattern, 2);
        CHECK(index.erase(pattern, 1));
        CHECK_FALSE(index.erase(pattern, 1));
        CHECK(index.generation() == one);
        // What was found in this generation still stands.
        CHECK(*list == std::vector<int>{2});
        index.match("a.b", [&](const std::vector<int>& l) { CHECK(&l == list); });
        CHECK(index.erase(pattern, 2));
        CHECK(index.generation() > one);
    }
}

TEST_CASE("a list stays where it is while other patterns come and go", "[topic_index]") {
    index_type index(1);
    index.insert("a.b", 1);
    index.insert("a.*", 1);
    std::vector<const std::vector<int>*> before, after;
    index.match("a.b", [&](const std::vector<int>& l) { before.push_back(&l); });
    for (int i = 0; i < 1000; ++i) index.insert("x." + std::to_string(i) + (i % 2 ? ".*" : ""), i);
    index.match("a.b", [&](const std::vector<int>& l) { after.push_back(&l); });
    CHECK(before.size() == 2);
    CHECK(before == after);
}

TEST_CASE("matching agrees with looking at every pattern, under random churn", "[topic_index]") {
    compare_under_churn<index_type>(30'000);
}

TEST_CASE("matching stays right when every text has the same hash", "[topic_index]") {
    compare_under_churn<tidings::test::listed_index<int, flooded>>(9'000);
}

TEST_CASE("nodes, edges and tokens are counted exactly, shared and given back", "[topic_index]") {
    index_type index(1);
    const auto check = [&](std::size_t patterns, std::size_t nodes, std::size_t edges,
                           std::size_t tokens) {
        const auto used = index.used();
        CHECK(used.patterns == patterns);
        CHECK(used.nodes == nodes);
        CHECK(used.edges == edges);
        CHECK(used.tokens == tokens);
    };
    const std::string a = "a-long-token", b = "another-token";
    index.insert("x.y.z", 1);
    check(1, 0, 0, 0);  // literals need no trie
    index.insert(a + ".*." + b, 1);
    check(2, 4, 2, 2);
    index.insert(a + ".*." + a, 1);
    check(3, 5, 3, 2);
    index.insert(a + ".>", 1);
    check(4, 5, 3, 2);
    index.insert(a + ".*.>", 1);
    check(5, 5, 3, 2);
    index.insert(a + ".*." + a, 2);
    check(5, 5, 3, 2);
    CHECK(index.erase(a + ".*." + b, 1));
    check(4, 4, 2, 1);
    CHECK(index.erase(a + ".*." + a, 1));
    check(4, 4, 2, 1);
    CHECK(index.erase(a + ".*." + a, 2));
    check(3, 3, 1, 1);
    CHECK(index.erase(a + ".*.>", 1));
    check(2, 2, 1, 1);
    CHECK(index.erase(a + ".>", 1));
    check(1, 0, 0, 0);
    index.insert("short.*.name", 1);  // its tokens are in no table
    check(2, 4, 2, 0);
    CHECK(index.erase("short.*.name", 1));
    CHECK(found(index, "x.y.z") == std::vector<int>{1});
    CHECK(index.erase("x.y.z", 1));
    CHECK(index.used() == index_type::usage{});
}

TEST_CASE("memory does not grow under churn, and goes back to nothing", "[topic_index]") {
    index_type index(1);
    const auto pattern = [](int cycle, int i) {
        return "base." + std::to_string(cycle * 100'000 + i) + (i % 3 == 0 ? "" : ".*.>");
    };
    const auto cycle = [&](int n) {
        for (int i = 0; i < 500; ++i) index.insert(pattern(n, i), i);
        const auto full = index.used();
        for (int i = 0; i < 500; ++i) REQUIRE(index.erase(pattern(n, i), i));
        return full;
    };

    SECTION("from empty to empty") {
        const auto first = cycle(0);
        CHECK(first.patterns == 500);
        CHECK(first.table_bytes > 0);
        for (int n = 1; n < 20; ++n) {
            CHECK(index.used() == index_type::usage{});
            CHECK(cycle(n) == first);
        }
        CHECK(index.used() == index_type::usage{});
    }
    SECTION("beside a pattern that stays") {
        index.insert("base.*.stays-here", 1);
        cycle(0);
        const auto rest = index.used();
        const auto full = cycle(1);
        for (int n = 2; n < 20; ++n) {
            CHECK(index.used() == rest);
            CHECK(cycle(n) == full);
        }
        CHECK(rest.patterns == 1);
        CHECK(rest.nodes == 4);
        CHECK(rest.edges == 2);
        CHECK(rest.tokens == 1);
        CHECK(rest.table_bytes < full.table_bytes);
        CHECK(found(index, "base.x.stays-here") == std::vector<int>{1});
    }
}

TEST_CASE("a topic that nobody names leaves nothing behind", "[topic_index]") {
    index_type index(1);
    index.insert("a.*", 1);
    index.insert("a.b", 1);
    const auto used = index.used();
    for (int i = 0; i < 1000; ++i) CHECK(found(index, "nobody." + std::to_string(i)).empty());
    CHECK(index.used() == used);
    CHECK(index.generation() == 3);
}

TEST_CASE("the deepest patterns and topics match", "[topic_index]") {
    index_type index(1);
    index.insert(repeated("*", 16), 1);
    index.insert(repeated("a", 16), 2);
    index.insert(repeated("a", 15) + ".>", 3);
    index.insert(repeated("*", 15) + ".a", 4);
    index.insert(repeated("*", 15) + ".>", 5);
    CHECK(found(index, repeated("a", 16)) == std::vector<int>{1, 2, 3, 4, 5});
    CHECK(found(index, repeated("b", 16)) == std::vector<int>{1, 5});
    CHECK(found(index, repeated("a", 15)).empty());
}

TEST_CASE("a branch left open at every level of the deepest topic is walked", "[topic_index]") {
    index_type index(1);
    for (std::size_t star = 0; star < 16; ++star) {
        std::string pattern;
        for (std::size_t i = 0; i < 16; ++i)
            pattern += std::string(i == 0 ? "" : ".") + (i == star ? "*" : "a");
        index.insert(pattern, static_cast<int>(star));
    }
    index.insert(repeated("a", 15) + ".>", 16);
    CHECK(found(index, repeated("a", 16)).size() == 17);
    CHECK(found(index, repeated("a", 15) + ".b") == std::vector<int>{15, 16});
}

TEST_CASE("a trie that branches twice at every level is walked to the end", "[topic_index]") {
    index_type index(1);
    constexpr std::size_t levels = 12;
    for (std::size_t bits = 0; bits < 1U << levels; ++bits) {
        std::string pattern;
        for (std::size_t i = 0; i < levels; ++i) pattern += (bits >> i & 1) != 0 ? "*." : "a.";
        index.insert(pattern + "end", static_cast<int>(bits));
        index.insert(pattern + ">", -1);
    }
    std::size_t ends = 0, rests = 0;
    index.match(repeated("a", levels) + ".end",
                [&](const std::vector<int>& list) { ++(list[0] < 0 ? rests : ends); });
    CHECK(ends == 1U << levels);
    CHECK(rests == 1U << levels);
}

TEST_CASE("text that is no topic cannot harm, and finds no pattern twice", "[topic_index]") {
    index_type index(1);
    index.insert(">", 1);
    index.insert("a.*", 2);
    index.insert("a.b", 3);
    CHECK(found(index, "").empty());
    CHECK(found(index, "a.*") == std::vector<int>{1, 2});
    CHECK(found(index, ">") == std::vector<int>{1});
    CHECK(found(index, repeated("a", 17)).empty());
    found(index, std::string(100'000, '.'));
    found(index, std::string(100'000, 'a'));
    found(index, "..");
    CHECK(index.size() == 3);
}

TEST_CASE("tokens are told apart by every byte, at the size where names change", "[topic_index]") {
    index_type index(1);
    std::vector<std::string> tokens;
    for (std::size_t size = 1; size <= 10; ++size) {
        tokens.push_back(std::string(size, 'x'));
        for (std::size_t at = 0; at < size; ++at) {
            auto token = tokens.back();
            token[at] = 'y';
            tokens.push_back(std::move(token));
        }
    }
    std::sort(tokens.begin(), tokens.end());
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::size_t i = 0; i < tokens.size(); ++i)
        index.insert("*." + tokens[i], static_cast<int>(i));
    for (std::size_t i = 0; i < tokens.size(); ++i)
        for (const std::string first : {"a", "seven77", "exactly8", "nine-nine"})
            CHECK(found(index, first + "." + tokens[i]) == std::vector<int>{static_cast<int>(i)});
}
