// SPDX-License-Identifier: BSL-1.0
// Publishing where memory runs out, at each allocation in turn.
#include "support/allocations.hpp"
#include "support/bus_fixture.hpp"

#include <boost/asio/bind_executor.hpp>

namespace tidings::test {

TEST_CASE("a publication for which memory is missing says so, and is in the history or is not",
          "[bus][fault-1]") {
    const bool async = GENERATE(false, true);
    error_code made_ec;
    for (long n = 0;; ++n) {
        CAPTURE(n, async);
        REQUIRE(n < 200);
        context_fixture f;
        bus hub(f.io(), {.history = {.max_events = 10}, .clock = &f.clock()});
        const auto e = publication::make("a", made("x"), {}, made_ec);
        const auto as_subscriber = hub.as_subscriber();
        std::vector<error_code> ends;
        auto r = receipt();
        bool thrown = false;
        allocations_left = n;
        try {
            if (async)
                as_subscriber->async_deliver(e,
                                             [&](error_code ec, outcome) { ends.push_back(ec); });
            else
                r = hub.publish("a", e);
        } catch (const std::bad_alloc&) {
            thrown = true;
        }
        const bool failed = allocations_left < 0;
        allocations_left = -1;
        f.run();
        if (async && !thrown) CHECK(ends.size() == 1);
        const auto error = async && !ends.empty() ? ends[0] : r.error;
        if (!failed) CHECK_FALSE(error);
        if (error) CHECK(error == errc::out_of_memory);
        // The next one follows, and nothing is held up.
        const auto next = hub.publish("a", made("next"));
        CHECK_FALSE(next.error);
        REQUIRE(next.position);
        std::optional<error_code> drained;
        hub.async_drain([&](error_code ec) { drained = ec; });
        for (int i = 0; i < 3; ++i) f.advance(std::chrono::milliseconds(50));
        CHECK(drained == error_code());
        if (!failed) break;
    }
}

}  // namespace tidings::test
