// SPDX-License-Identifier: BSL-1.0
// A lane where memory runs out, at each allocation in turn.
#include "support/allocations.hpp"
#include "support/bus_fixture.hpp"

#include <tidings/lane/impl/lane.hpp>

namespace tidings::test {

namespace {

struct counted_task final : detail::lane_task {
    void run() noexcept override { ++runs; }
    void drop() noexcept override {}
    int runs = 0;
};

}  // namespace

TEST_CASE("a task for whose turn there was no memory runs all the same", "[lane][fault-1]") {
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 50);
        context_fixture f;
        const auto l = detail::lane::make(f.io().get_executor(), f.clock());
        counted_task first, second;
        failed = runs_out_after(n, [&] { l->post(first); });
        f.run();
        CHECK(first.runs == 1);
        // And again: what was kept aside for it is there again.
        runs_out_after(n, [&] { l->post(second); });
        f.run();
        CHECK(second.runs == 1);
    }
}

TEST_CASE("a timer for whose wait there was no memory fires all the same", "[lane][fault-1]") {
    const auto failures = GENERATE(1L, 5L);
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(failures, n);
        REQUIRE(n < 50);
        context_fixture f;
        const auto l = detail::lane::make(f.io().get_executor(), f.clock());
        int fired = 0;
        detail::wheel_timer timer([&] { ++fired; });
        l->post([&] {
            failures_in_row = failures;
            allocations_left = n;
            timer.arm(l->timers(), std::chrono::milliseconds(100));
        });
        f.run();
        failed = allocations_left.exchange(-1) < 0;
        failures_in_row = 1;
        CHECK(timer.armed());
        f.advance(std::chrono::milliseconds(80));
        CHECK(fired == 0);
        f.advance(std::chrono::milliseconds(50));
        CHECK(fired == 1);
    }
}

TEST_CASE("async_publish completes although there was no memory for that at first",
          "[bus][fault-1]") {
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 50);
        context_fixture f;
        bus hub(f.io(), {.clock = &f.clock()});
        const auto s = hub.subscribe("a", [](const event_ptr&) {});
        int ends = 0;
        bool thrown = false;
        failed = runs_out_after(n, [&] {
            try {
                hub.async_publish("a", made("x"), [&](error_code, receipt) { ++ends; });
            } catch (const std::bad_alloc&) {
                thrown = true;
            }
            f.run();
        });
        f.run();
        CHECK(ends == (thrown ? 0 : 1));
    }
}

}  // namespace tidings::test
