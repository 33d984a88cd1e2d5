// SPDX-License-Identifier: BSL-1.0
// A sender where memory runs out, at each allocation in turn.
#include "support/allocations.hpp"
#include "support/webhook_bed.hpp"

#include <set>

namespace tidings::test {

TEST_CASE("whatever allocation fails, an endpoint gets every event that its bus keeps",
          "[webhook][fault-1]") {
    for (long n = 0;; ++n) {
        CAPTURE(n);
        REQUIRE(n < 2000);
        world w;
        world_sink target(w);
        bus hub(w.io(), {.history = {.max_events = 100}, .clock = &w.clock()});
        webhook::sender sender(w.io(), webhook_options(w));
        const auto hook =
            hub.subscribe("a", sender.endpoint({.url = target.url(), .secret = webhook_secret}));
        w.run_ready();
        // What runs dry may be the network that is simulated: its exceptions are the test's.
        const auto run = [&] {
            try {
                w.run_ready();
            } catch (const std::bad_alloc&) {
                return;
            }
        };
        std::array<event, 4> events{made("0"), made("1"), made("2"), made("3")};
        std::array<bool, 4> kept{};
        allocations_left = n;
        for (std::size_t i = 0; i < events.size(); ++i) {
            kept[i] = hub.publish("a", std::move(events[i])).position.has_value();
            if (i % 2 == 1) run();
        }
        const bool failed = allocations_left.exchange(-1) < 0;
        for (int i = 0; i < 20; ++i) w.advance(std::chrono::seconds(30));
        std::set<std::string> got;
        for (const auto& r : target.requests) got.insert(r.body);
        for (std::size_t i = 0; i < events.size(); ++i) {
            CAPTURE(i);
            const auto has = std::any_of(got.begin(), got.end(), [&](const auto& body) {
                return body.find("\"data\":\"" + std::to_string(i) + '"') != std::string::npos;
            });
            CHECK(has == kept[i]);
        }
        CHECK(sender.in_flight() == 0);
        if (!failed) break;
    }
}

}  // namespace tidings::test
