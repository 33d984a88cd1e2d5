// SPDX-License-Identifier: BSL-1.0
// What stands for the visitors of a portal.
#include "support/catch2.hpp"

#include <tidings/rest_hook/impl/portal/token_book.hpp>
#include <tidings/test/fixed_random.hpp>
#include <tidings/test/manual_clock.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using rest_hook::portal_visitor;
using rest_hook::detail::token_book;

portal_visitor visitor(std::string name) {
    return {.who = {.name = std::move(name), .anonymous = false}};
}

struct book_bed {
    explicit book_bed(token_book::bounds b) : book(b, {.clock = &clock, .random = &random}) {}
    std::string issue(std::string name) { return book.issue(visitor(std::move(name)), ec); }

    manual_clock clock;
    fixed_random random;
    token_book book;
    error_code ec;
};

}  // namespace

TEST_CASE("a token stands for its visitor until its time is over, and is ended once",
          "[rest_hook]") {
    book_bed bed({.lifetime = 10s, .max = 8, .max_per_principal = 8});
    const auto ann = bed.issue("ann");
    const auto bob = bed.issue("bob");
    CHECK_FALSE(bed.ec);
    CHECK(ann.size() == 64);
    CHECK(ann.find_first_not_of("0123456789abcdef") == ann.npos);
    CHECK(ann != bob);
    REQUIRE(bed.book.find(ann));
    CHECK(bed.book.find(ann)->who.name == "ann");
    CHECK(bed.book.find(bob)->who.name == "bob");
    for (const auto& none : {std::string(), ann.substr(1), ann + '0', std::string(64, '0')})
        CHECK_FALSE(bed.book.find(none));
    CHECK(bed.book.end(ann));
    CHECK_FALSE(bed.book.end(ann));
    CHECK_FALSE(bed.book.find(ann));
    bed.clock.advance(9'999ms);
    CHECK(bed.book.find(bob));
    bed.clock.advance(1ms);
    CHECK_FALSE(bed.book.find(bob));
    CHECK_FALSE(bed.book.end(bob));
}

TEST_CASE("a token ends with the credential of its principal", "[rest_hook]") {
    book_bed bed({.lifetime = 1h, .max = 8, .max_per_principal = 8});
    auto v = visitor("ann");
    v.who.expires = bed.clock.wall_now() + 5s;
    const auto text = bed.book.issue(v, bed.ec);
    bed.clock.advance(4s);
    CHECK(bed.book.find(text));
    bed.clock.advance(1s);
    CHECK_FALSE(bed.book.find(text));
}

TEST_CASE("a principal's oldest token makes room, another's never does", "[rest_hook]") {
    book_bed bed({.lifetime = 10s, .max = 3, .max_per_principal = 2});
    const auto first = bed.issue("ann");
    const auto second = bed.issue("ann");
    const auto third = bed.issue("ann");
    CHECK_FALSE(bed.book.find(first));
    CHECK(bed.book.find(second));
    CHECK(bed.book.find(third));
    const auto bob = bed.issue("bob");
    CHECK_FALSE(bed.ec);
    CHECK(bed.issue("cid").empty());
    CHECK(bed.ec == errc::too_many);
    CHECK(bed.book.find(second));
    // One that is full of others' still changes a principal's own.
    bed.ec.clear();
    CHECK_FALSE(bed.issue("ann").empty());
    CHECK_FALSE(bed.book.find(second));
    CHECK(bed.book.find(bob));
    // What has ended takes no place.
    bed.clock.advance(10s);
    CHECK_FALSE(bed.issue("cid").empty());
    CHECK_FALSE(bed.ec);
}

TEST_CASE("the tokens of one principal end together, and all of a book", "[rest_hook]") {
    book_bed bed({.lifetime = 10s, .max = 8, .max_per_principal = 8});
    const auto ann = bed.issue("ann"), also = bed.issue("ann"), bob = bed.issue("bob");
    bed.book.end_all_of("ann");
    CHECK_FALSE(bed.book.find(ann));
    CHECK_FALSE(bed.book.find(also));
    CHECK(bed.book.find(bob));
    bed.book.clear();
    CHECK_FALSE(bed.book.find(bob));
}

}  // namespace tidings::test
