// SPDX-License-Identifier: BSL-1.0
// A portal where memory runs out, at each allocation in turn.
#include "support/allocations.hpp"
#include "support/rest_hook_bed.hpp"

#include <tidings/impl/finds_memory.hpp>
#include <tidings/rest_hook/impl/portal/token_book.hpp>
#include <tidings/rest_hook/portal.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

rest_hook::portal_visitor ann() {
    return {.who = {.name = "an owner with a long name, which takes memory"}};
}

}  // namespace

TEST_CASE("a ticket is made, or not, where memory runs out", "[rest_hook][fault-1]") {
    world w;
    bus hub(w.io());
    webhook::sender sender(w.io(), {.environment = w.environment()});
    rest_hook::manager hooks(hub, sender, {.environment = w.environment()});
    rest_hook::portal page(hooks, {.max_tickets = 1});
    w.run_ready();
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 50);
        auto v = ann();
        error_code ec;
        std::string ticket;
        failed = runs_out_after(n, [&] { ticket = page.make_ticket(std::move(v), ec); });
        CHECK(ec == (failed ? make_error_code(errc::out_of_memory) : error_code()));
        CHECK(ticket.empty() == failed);
    }
    page.close();
}

TEST_CASE("a token without memory takes no place of another's", "[rest_hook][fault-1]") {
    world w;
    rest_hook::detail::token_book book({.lifetime = 10s, .max = 2, .max_per_principal = 1},
                                       w.environment());
    error_code ec;
    const auto before = book.issue(ann(), ec);
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 50);
        auto v = ann();
        failed = runs_out_after(
            n, [&] { tidings::detail::finds_memory([&] { (void)book.issue(std::move(v), ec); }); });
        CHECK(book.find(before).has_value() == failed);
    }
    CHECK_FALSE(ec);
}

}  // namespace tidings::test
