// SPDX-License-Identifier: BSL-1.0
// A question for a proof of intent where memory runs out, at each allocation in turn.
#include "support/allocations.hpp"
#include "support/proof_bed.hpp"

namespace tidings::test {

using namespace std::chrono_literals;
using rest_hook::proof;

TEST_CASE("a question that finds no memory is asked again, and an agreement is kept",
          "[rest_hook][fault-1]") {
    const auto kind = GENERATE(proof::echo, proof::consent, proof::challenge);
    CAPTURE(static_cast<int>(kind));
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 2000);
        world w;
        proof_bed bed(w, asking_for(kind));
        bed.target.answer = [](http::exchange& x) { x.respond({.status = 500}); };
        const auto id = bed.make("a");
        REQUIRE(bed.state_of(id) == "pending");
        bed.target.answer = [](http::exchange& x) {
            const sparing none;
            agree(x);
        };
        bool thrown = false;
        failed = runs_out_after(n, [&] {
            try {
                w.run_ready();
                {
                    const sparing none;
                    w.clock().advance(10s);
                }
                w.run_ready();
            } catch (const std::bad_alloc&) {
                thrown = true;
            }
        });
        CHECK_FALSE(thrown);
        for (int i = 0; i < 10; ++i) w.advance(1h);
        CHECK(bed.state_of(id) == "active");
    }
}

}  // namespace tidings::test
