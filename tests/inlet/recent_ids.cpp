// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/inlet/impl/recent_ids.hpp>
#include <tidings/test/fixed_random.hpp>

#include <string>
#include <vector>

namespace tidings::detail {

namespace {

using seen = recent_ids::seen;
constexpr std::size_t one = recent_ids::entry_bytes;

std::vector<recent_ids::key> keys_of(recent_ids& ids, const std::vector<std::string>& texts) {
    std::vector<recent_ids::key> keys;
    for (const auto& t : texts) keys.push_back(ids.key_of(t));
    return keys;
}

}  // namespace

TEST_CASE("an id is pending until it is accepted, then known", "[recent_ids]") {
    recent_ids ids(10 * one);
    CHECK(ids.begin("a") == seen::fresh);
    CHECK(ids.begin("a") == seen::pending);
    ids.accept("a");
    CHECK(ids.begin("a") == seen::known);
    CHECK(ids.begin("b") == seen::fresh);
}

TEST_CASE("an id that was forgotten is fresh again", "[recent_ids]") {
    recent_ids ids(10 * one);
    CHECK_FALSE(ids.forget("a"));
    ids.begin("a");
    CHECK(ids.forget("a"));
    CHECK_FALSE(ids.forget("a"));
    ids.accept("a");  // too late: nothing to accept
    CHECK(ids.begin("a") == seen::fresh);
    ids.accept("a");
    CHECK(ids.forget("a"));
    CHECK(ids.begin("a") == seen::fresh);
}

TEST_CASE("the oldest accepted id makes room, a pending one stays", "[recent_ids]") {
    recent_ids ids(3 * one);
    ids.begin("pending");
    for (const auto* id : {"a", "b", "c"}) {
        ids.begin(id);
        ids.accept(id);
        ids.accept(id);  // once is enough
    }
    CHECK(ids.begin("pending") == seen::pending);
    CHECK(ids.begin("b") == seen::known);
    CHECK(ids.begin("c") == seen::known);
    CHECK(ids.begin("a") == seen::fresh);
}

TEST_CASE("where nothing is remembered, everything accepted is fresh", "[recent_ids]") {
    recent_ids ids(0);
    ids.begin("a");
    CHECK(ids.begin("a") == seen::pending);
    ids.accept("a");
    CHECK(ids.begin("a") == seen::fresh);
}

TEST_CASE("what failed may begin again, and is known as such", "[recent_ids]") {
    recent_ids ids(10 * one);
    const auto keys = keys_of(ids, {"a"});
    recent_ids::result first;
    CHECK(ids.begin(keys, first) == seen::fresh);
    ids.fail(keys);
    CHECK(ids.begin(keys, first) == seen::again);
    CHECK(ids.begin(keys, first) == seen::pending);
    ids.accept(keys, {"first", std::nullopt});
    ids.fail(keys);  // too late
    CHECK(ids.begin(keys, first) == seen::known);
    CHECK(first.id == "first");
}

TEST_CASE("an event is known under each of its ids", "[recent_ids]") {
    recent_ids ids(10 * one);
    error_code ec;
    const auto keys = keys_of(ids, {"id", "key"});
    const auto other = keys_of(ids, {"other id", "key"});
    recent_ids::result first;
    CHECK(ids.begin(keys, first) == seen::fresh);
    CHECK(ids.begin(other, first) == seen::pending);
    CHECK(ids.begin("other id") == seen::fresh);  // of the other one nothing was kept
    ids.accept(keys, {"id", position::parse("p:1", ec)});
    first = {};
    CHECK(ids.begin(keys_of(ids, {"new id", "key"}), first) == seen::known);
    CHECK(first.id == "id");
    CHECK(first.position->text() == "p:1");
}

TEST_CASE("the same id twice is one id", "[recent_ids]") {
    recent_ids ids(10 * one);
    const auto keys = keys_of(ids, {"a", "a"});
    recent_ids::result first;
    CHECK(ids.begin(keys, first) == seen::fresh);
    CHECK(ids.bytes() == one);
    ids.accept(keys);
    CHECK(ids.begin("a") == seen::known);
    CHECK(ids.forget(keys));
    CHECK(ids.bytes() == 0);
}

TEST_CASE("what is remembered is bounded in bytes, however long ids and results are",
          "[recent_ids]") {
    recent_ids ids(100 * one);
    for (int i = 0; i < 1000; ++i) {
        const auto keys = keys_of(ids, {std::to_string(i) + std::string(100'000, 'x')});
        recent_ids::result first;
        CHECK(ids.begin(keys, first) == seen::fresh);
        ids.accept(keys, {std::string(i % 3 == 0 ? 1000 : 0, 'r'), std::nullopt});
        CHECK(ids.bytes() <= 100 * one);
    }
    CHECK(ids.bytes() > 50 * one);
    // One that is larger than all of it is not kept.
    const auto keys = keys_of(ids, {"large"});
    recent_ids::result first;
    ids.begin(keys, first);
    ids.accept(keys, {std::string(200 * one, 'r'), std::nullopt});
    CHECK(ids.bytes() == 0);
    CHECK(ids.begin(keys, first) == seen::fresh);
}

TEST_CASE("ids are kept under a random key", "[recent_ids]") {
    test::fixed_random one_seed(1);
    test::fixed_random same_seed(1);
    test::fixed_random other_seed(2);
    recent_ids a(one, one_seed);
    recent_ids b(one, same_seed);
    recent_ids c(one, other_seed);
    CHECK(a.key_of("x") == b.key_of("x"));
    CHECK(a.key_of("x") != a.key_of("y"));
    CHECK(a.key_of("x") != c.key_of("x"));
}

}  // namespace tidings::detail
