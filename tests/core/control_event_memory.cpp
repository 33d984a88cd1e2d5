// SPDX-License-Identifier: BSL-1.0
// Control events where memory runs out, at each allocation in turn.
#include "support/allocations.hpp"
#include "support/catch2.hpp"

#include <tidings/control_event.hpp>

#include <array>

namespace tidings::test {

TEST_CASE("a control event for which memory is missing is null", "[event][fault-3]") {
    const position head(std::make_shared<const std::string>("e"), 7);
    const std::array<event_ptr (*)(const position&), 3> makers{
        [](const position&) { return make_lagged_event(12'345'678'901); },
        [](const position&) { return make_skipped_event(12'345'678'901); },
        [](const position& p) { return make_gap_event(p); }};
    const auto live = publication::live();
    for (const auto make : makers) {
        long n = 0;
        for (bool failed = true; failed; ++n) {
            CAPTURE(n);
            REQUIRE(n < 50);
            allocations_left = n;
            const auto e = make(head);
            failed = allocations_left < 0;
            allocations_left = -1;
            CHECK(failed == !e);
        }
        CHECK(n > 0);
    }
    CHECK(publication::live() == live);
}

}  // namespace tidings::test
