// SPDX-License-Identifier: BSL-1.0
// A lane where memory runs out, at each allocation in turn.
#include "support/allocations.hpp"
#include "support/bus_fixture.hpp"

#include <tidings/lane/impl/lane.hpp>

#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <utility>

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

TEST_CASE("a call for whose turn there was no memory ends with no lock held", "[lane][fault-1]") {
    /// Asks the lane, which locks for the answer, as the last owner of a connection does.
    struct asking {
        explicit asking(detail::lane& l) : of(&l) {}
        asking(asking&& a) noexcept : of(std::exchange(a.of, nullptr)) {}
        ~asking() {
            if (of != nullptr) of->running_here();
        }
        detail::lane* of;
    };
    bool failed = true;
    int thrown = 0;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 50);
        net::thread_pool pool(1);
        const auto l = detail::lane::make(pool.get_executor(), io::system_clock());
        std::atomic<int> runs{0};
        unique_function<void()> f = [&runs, a = asking(*l)] { ++runs; };
        bool refused = false;
        failures_in_row = 2;  // there is a reserve
        failed = runs_out_after(n, [&] {
            try {
                l->post(std::move(f));
            } catch (const std::bad_alloc&) {
                refused = true;
            }
        });
        failures_in_row = 1;
        f = {};
        pool.wait();
        if (refused) ++thrown;
        CHECK(runs == (refused ? 0 : 1));
    }
    CHECK(thrown > 0);
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
