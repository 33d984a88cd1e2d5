// SPDX-License-Identifier: BSL-1.0
// What a delivery on a connection that is open already costs the context, over a real socket.
#include "support/catch2.hpp"
#include "support/counting_executor.hpp"

#include <tidings/bus.hpp>
#include <tidings/test/sink_server.hpp>
#include <tidings/webhook/sender.hpp>

#include <chrono>
#include <iostream>
#include <string>

namespace tidings::test {

namespace {

/// A bus and a sender on a context whose work is counted, and a target on another context.
struct counted_bed {
    net::io_context io{1};
    net::io_context elsewhere{1};
    std::size_t hops = 0;      // entries into a strand
    std::size_t handlers = 0;  // what the context ran
    std::size_t attempts = 0;
    net::any_io_executor executor{
        counting_executor<net::io_context::executor_type>(io.get_executor(), hops)};
    sink_server target{elsewhere};
    bus hub{executor};
    webhook::sender sender{executor,
                           {.guard = {.allow_loopback = true, .schemes = {"http"}},
                            .on_attempt = [this](const webhook::attempt& a) {
                                CHECK(a.result == webhook::verdict::success);
                                ++attempts;
                            }}};
    webhook::endpoint endpoint = sender.endpoint(
        {.url = target.url(), .secret = "whsec_" + std::string(32, 'S'), .id = "target"});
    subscription hook = hub.subscribe(">", endpoint);

    /// Publishes one event, and runs both sides until it is settled and nothing else is ready.
    void deliver() {
        const auto before = attempts;
        hub.publish("a", event("test", "/test", "x"));
        const auto latest = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (attempts == before && std::chrono::steady_clock::now() < latest) run_both();
        while (run_both() != 0) {
        }
        CHECK(attempts == before + 1);
    }

 private:
    std::size_t run_both() {
        const auto here = io.poll_one();
        handlers += here;
        return here + elsewhere.poll();
    }
};

}  // namespace

// A hop is two handlers in the sense of Asio's handler tracking: what the context runs, and what
// the strand then runs in it. What is counted here also has events of a socket that nothing waits
// for.
TEST_CASE("a delivery on a warm connection takes few turns of the context", "[webhook][network]") {
    counted_bed bed;
    for (int i = 0; i < 3; ++i) bed.deliver();  // connects, and sets the timers
    for (int i = 0; i < 3; ++i) {
        bed.hops = bed.handlers = 0;
        bed.deliver();
        std::cout << "warm webhook delivery: " << bed.hops << " strand hops, "
                  << bed.hops + bed.handlers << " handlers\n";
        CHECK(bed.hops <= 3);
        CHECK(bed.hops + bed.handlers <= 8);
    }
}

}  // namespace tidings::test
