// SPDX-License-Identifier: BSL-1.0
#include <tidings/bus/impl/pattern_registry.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "support/catch2.hpp"

namespace {

using tidings::detail::pattern_entry;
using tidings::detail::topic_route;

// Patterns that stay although nothing stands in their entries.
struct bed {
    explicit bed(std::initializer_list<std::string_view> patterns) {
        for (const auto p : patterns) patterns_.enter(p);
    }
    ~bed() { gone_.reclaim(); }

    void come(std::string_view pattern) { patterns_.enter(pattern); }
    void go(std::string_view pattern) { patterns_.tidy(*patterns_.find(pattern), gone_); }
    std::vector<std::string_view> match(std::string_view topic) {
        return texts(patterns_.match(topic, nullptr, gone_));
    }
    std::vector<std::string_view> match(topic_route& r) {
        return texts(patterns_.match(r.topic, &r, gone_));
    }
    // Where the list stands: another place is another look into the index.
    const void* place(std::string_view topic) { return &patterns_.match(topic, nullptr, gone_); }
    const void* place(topic_route& r) { return &patterns_.match(r.topic, &r, gone_); }
    bool current(const topic_route& r) const {
        return r.match.load()->generation == patterns_.generation();
    }

 private:
    static std::vector<std::string_view> texts(const std::vector<pattern_entry*>& entries) {
        std::vector<std::string_view> all;
        for (const auto* e : entries) all.push_back(e->pattern());
        return all;
    }
    tidings::detail::pattern_registry patterns_{7};
    tidings::detail::retired_list gone_;
};

using texts = std::vector<std::string_view>;

}  // namespace

TEST_CASE("patterns that a topic cannot match leave what its route knows as it is",
          "[pattern_registry]") {
    bed b({"a.b", "x.*"});
    topic_route route("a.b", 1, false, true);
    CHECK(b.match(route) == texts{"a.b"});
    const auto* known = b.place(route);
    for (const auto other : {"a.c", "b.b", "x.>", "b.*", "a"}) {
        b.come(other);
        CHECK_FALSE(b.current(route));
        CHECK(b.place(route) == known);
        CHECK(b.current(route));
        b.go(other);
        CHECK(b.place(route) == known);
    }
}

TEST_CASE("patterns that a topic matches change what its route knows", "[pattern_registry]") {
    bed b({"a.b"});
    topic_route route("a.b", 1, false, true);
    CHECK(b.match(route) == texts{"a.b"});
    for (const auto other : {"a.*", "*.b", "*.*", "a.>", ">", "*.>"}) {
        b.come(other);
        CHECK(b.match(route) == texts{"a.b", other});
        b.go(other);
        CHECK(b.match(route) == texts{"a.b"});
    }
    b.go("a.b");
    CHECK(b.match(route).empty());
    b.come("a.b");
    CHECK(b.match(route) == texts{"a.b"});
}

TEST_CASE("a topic that is published again is not looked for in the index", "[pattern_registry]") {
    bed b({"a.b", "x.y"});
    CHECK(b.match("a.b") == texts{"a.b"});
    const auto* known = b.place("a.b");
    CHECK(b.match("x.y") == texts{"x.y"});
    for (const auto other : {"a.c", "b.>"}) {
        b.come(other);
        CHECK(b.place("a.b") == known);
    }
    b.come("a.*");
    CHECK(b.match("a.b") == texts{"a.b", "a.*"});
    CHECK(b.match("a.b") == texts{"a.b", "a.*"});
    b.go("a.b");
    CHECK(b.match("a.b") == texts{"a.*"});
}

TEST_CASE("topics that share a place in the cache are told apart", "[pattern_registry]") {
    bed b({"t.*"});
    std::vector<std::string> topics;
    for (int i = 0; i < 300; ++i) topics.push_back("t." + std::to_string(i));
    for (int i = 0; i < 300; i += 2) b.come(topics[static_cast<std::size_t>(i)]);
    for (int round = 0; round < 3; ++round)
        for (std::size_t i = 0; i < topics.size(); ++i)
            REQUIRE(b.match(topics[i]) == (i % 2 == 0 ? texts{topics[i], "t.*"} : texts{"t.*"}));
}
