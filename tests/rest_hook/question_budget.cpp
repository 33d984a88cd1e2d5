// SPDX-License-Identifier: BSL-1.0
// How many questions go out, and when.
#include "support/catch2.hpp"

#include <tidings/rest_hook/impl/question_budget.hpp>
#include <tidings/rest_hook/impl/question_calendar.hpp>

#include <string>

namespace tidings::rest_hook::detail {

namespace {

using namespace std::chrono_literals;

constexpr io::steady_time start{1h};
constexpr io::system_time new_year{std::chrono::seconds(1767225600)};

}  // namespace

TEST_CASE("a host gets so many questions in a minute, and another one its own",
          "[rest_hook][proof]") {
    question_budget b(100, 3);
    for (int i = 0; i < 3; ++i) {
        CHECK(b.begin("ann", "a.example", start + i * 1s) == 0ms);
        b.end("ann");
    }
    CHECK(b.begin("ann", "a.example", start + 10s) == 50s);
    CHECK(b.begin("bob", "a.example", start + 59s) == 1s);
    CHECK(b.begin("bob", "b.example", start + 59s) == 0ms);
    CHECK(b.begin("ann", "a.example", start + 1min) == 0ms);
}

TEST_CASE("what an address has no room for is counted, and has room in the next window",
          "[rest_hook][proof]") {
    question_budget b(100, 1);
    const auto address = net::ip::make_address("192.0.2.1");
    CHECK(b.connects(address, start));
    CHECK(b.refusals() == 0);
    CHECK_FALSE(b.connects(address, start + 10s));
    CHECK(b.refusals() == 1);
    CHECK(b.until_next(start + 10s) == 50s);
    CHECK(b.until_next(start + 2min) == 1ms);
    CHECK(b.connects(address, start + 1min));
}

TEST_CASE(
    "an owner has a quarter of the questions that are open, and all have no more than there are",
    "[rest_hook][proof]") {
    question_budget b(8, 100);
    CHECK(b.begin("ann", "a", start) == 0ms);
    CHECK(b.begin("ann", "b", start) == 0ms);
    CHECK(b.begin("ann", "c", start) != 0ms);
    for (const auto* const other : {"bob", "eve", "joe"}) {
        CHECK(b.begin(other, "a", start) == 0ms);
        CHECK(b.begin(other, "a", start) == 0ms);
    }
    CHECK(b.begin("max", "a", start) != 0ms);
    b.end("ann");
    b.end("nobody");
    CHECK(b.begin("max", "a", start) == 0ms);
    CHECK(b.begin("max", "a", start) != 0ms);
    question_budget one(1, 100);
    CHECK(one.begin("ann", "a", start) == 0ms);
}

TEST_CASE("strangers together have half of the questions that are open", "[rest_hook][proof]") {
    question_budget b(8, 100);
    for (const auto* const stranger : {"@a", "@b"}) {
        CHECK(b.begin(stranger, "a", start) == 0ms);
        CHECK(b.begin(stranger, "a", start) == 0ms);
    }
    CHECK(b.begin("@c", "c", start) != 0ms);
    CHECK(b.begin("ann", "a", start) == 0ms);
    b.end("@a");
    CHECK(b.begin("@c", "c", start) == 0ms);
    CHECK(b.begin("@d", "d", start) != 0ms);
    question_budget one(1, 100);
    CHECK(one.begin("@a", "a", start) == 0ms);
}

TEST_CASE("an address gets so many connections in a minute, whatever its names",
          "[rest_hook][proof]") {
    question_budget b(100, 2);
    const auto a = net::ip::make_address("192.0.2.1");
    CHECK(b.begin("ann", "192.0.2.1", start) == 0ms);
    CHECK(b.connects(a, start));
    CHECK(b.connects(a, start));
    CHECK_FALSE(b.connects(a, start + 59s));
    CHECK(b.connects(net::ip::make_address("192.0.2.2"), start));
    CHECK(b.connects(a, start + 1min));
}

TEST_CASE("hosts are counted in bounded memory", "[rest_hook][proof]") {
    question_budget b(100'000, 3);
    std::size_t taken = 0;
    for (int i = 0; i < 10'000; ++i) {
        const auto owner = std::to_string(i);
        if (b.begin(owner, owner + ".example", start) == 0ms) ++taken;
        b.end(owner);
    }
    CHECK(taken == 4096);
    CHECK_FALSE(b.connects(net::ip::make_address("192.0.2.1"), start));
}

TEST_CASE("a subscription is looked at once, when it was noted last", "[rest_hook][proof]") {
    question_calendar c;
    CHECK_FALSE(c.first());
    c.note("a", new_year + 1min);
    c.note("b", new_year + 2min, 7);
    c.note("a", new_year + 3min);
    c.note("b", new_year + 2min, 8);
    CHECK(c.size() == 2);
    CHECK(c.first() == new_year + 2min);
    CHECK_FALSE(c.take(new_year + 1min));
    const auto first = c.take(new_year + 1h);
    REQUIRE(first);
    CHECK(first->id == "b");
    CHECK(first->begun == 8);
    const auto second = c.take(new_year + 1h);
    REQUIRE(second);
    CHECK(second->id == "a");
    CHECK(second->begun == 0);
    CHECK_FALSE(c.take(new_year + 1h));
    CHECK(c.size() == 0);
}

}  // namespace tidings::rest_hook::detail
