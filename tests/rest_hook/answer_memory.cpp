// SPDX-License-Identifier: BSL-1.0
// Requests that are made again with their Idempotency-Key.
#include "support/catch2.hpp"

#include <tidings/rest_hook/impl/answer_memory.hpp>
#include <tidings/test/manual_clock.hpp>

#include <string>

namespace tidings::rest_hook::detail {

namespace {

using namespace std::chrono_literals;
using seen = answer_memory::seen;

struct bed {
    explicit bed(std::size_t bytes = 100'000)
        : memory(std::make_shared<answer_memory>(bytes, 60s, clock)) {}

    seen begin(std::string_view key, std::string_view body = "x") {
        answer_memory::claim ignored;
        return memory->begin(key, body, ignored, answer);
    }
    void answer_as(std::string_view key, std::string text) {
        answer_memory::claim mine;
        REQUIRE(memory->begin(key, "x", mine, answer) == seen::fresh);
        mine.settle({.status = 201, .body = std::move(text)});
    }

    test::manual_clock clock;
    std::shared_ptr<answer_memory> memory;
    http::response answer;
};

}  // namespace

TEST_CASE("an answer is given again to the same request, for a time", "[rest_hook]") {
    bed b;
    b.answer_as("key", "made");
    CHECK(b.begin("key") == seen::known);
    CHECK(b.answer.status == 201);
    CHECK(b.answer.body == "made");
    CHECK(b.begin("key", "another body") == seen::other);
    CHECK(b.begin("another key") == seen::fresh);
    b.clock.advance(59s);
    CHECK(b.begin("key") == seen::known);
    b.clock.advance(1s);
    CHECK(b.begin("key") == seen::fresh);
    CHECK(b.memory->bytes() == 0);
}

TEST_CASE("a request that has no answer yet is pending, and one that got none is free",
          "[rest_hook]") {
    bed b;
    {
        answer_memory::claim mine;
        CHECK(b.memory->begin("key", "x", mine, b.answer) == seen::fresh);
        CHECK(b.begin("key") == seen::pending);
        CHECK(b.begin("key", "y") == seen::other);
        const answer_memory::claim moved(std::move(mine));
        CHECK(b.begin("key") == seen::pending);
    }
    CHECK(b.begin("key") == seen::fresh);
}

TEST_CASE("the oldest answers make room, whatever their size", "[rest_hook]") {
    bed b(10'000);
    for (int i = 0; i < 100; ++i) {
        b.answer_as(std::to_string(i), std::string(i == 50 ? 20'000 : 500, 'x'));
        CHECK(b.memory->bytes() <= 10'000);
    }
    CHECK(b.begin("99") == seen::known);
    CHECK(b.begin("50") == seen::fresh);
    CHECK(b.begin("0") == seen::fresh);
}

}  // namespace tidings::rest_hook::detail
