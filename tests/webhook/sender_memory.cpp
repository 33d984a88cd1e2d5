// SPDX-License-Identifier: BSL-1.0
// A sender where memory runs out, at each allocation in turn.
#include "support/allocations.hpp"
#include "support/sparing_clock.hpp"
#include "support/webhook_bed.hpp"

#include <tidings/impl/finds_memory.hpp>

#include <algorithm>
#include <array>

namespace tidings::test {

namespace {

/// A target that notes bodies, and needs no memory that could fail: nor does its network.
struct sparing_target {
    sparing_target(world& w, const io::environment& environment)
        : server(w.io(), {.environment = environment}) {
        server.mount("/hook", [this](http::exchange& x) {
            const sparing memory;
            bodies.push_back(x.request().body);
            x.respond({.status = 204});
        });
        server.start();
    }
    std::ptrdiff_t times(const std::string& text) const {
        return std::count_if(bodies.begin(), bodies.end(), [&](const auto& body) {
            return body.find(text) != std::string::npos;
        });
    }
    http::server server;
    std::vector<std::string> bodies;
};

/// Publishes four events where so many allocations succeed, then one or several fail. Whether that
/// was so.
bool publish_with(long allocations, long failures, std::size_t history, bool operational) {
    sparing_clock clock;  // outlives the context, whose timers are its
    world w;
    auto options = webhook_options(w);
    options.environment.clock = &clock;
    sparing_target target(w, options.environment);
    bus hub(w.io(), {.history = {.max_events = history}, .clock = &clock});
    if (operational) options.operational = {.bus = &hub, .successes = true};
    std::size_t told = 0;
    const auto watch = hub.subscribe("tidings.webhook.attempt.succeeded", immediate,
                                     [&](const event_ptr&) { ++told; });
    webhook::sender sender(w.io(), options);
    auto endpoint =
        sender.endpoint({.url = url_of(target.server, "/hook"), .secret = webhook_secret});
    const auto hook = hub.subscribe("a", endpoint);
    w.run_ready();
    std::array<std::optional<event>, 4> events;
    for (std::size_t i = 0; i < events.size(); ++i)
        events[i].emplace("test", "/test", "event-" + std::to_string(i));

    std::array<receipt, 4> receipts;
    std::size_t thrown = 0;
    failures_in_row = failures;
    allocations_left = allocations;
    for (std::size_t i = 0; i < events.size(); ++i) {
        receipts[i] = hub.publish("a", std::move(*events[i]));
        if (i % 2 == 1 && !detail::finds_memory([&] { w.run_ready(); })) ++thrown;
    }
    const bool failed = allocations_left.exchange(-1) <= 0;
    failures_in_row = 1;
    CHECK(thrown == 0);
    for (int i = 0; i < 20; ++i) {
        clock.advance(std::chrono::seconds(30));
        w.run_ready();
    }

    std::size_t missing = 0;
    for (std::size_t i = 0; i < receipts.size(); ++i) {
        CAPTURE(i);
        const auto& r = receipts[i];
        CHECK(r.position.has_value() == (history != 0 && !r.error));
        const auto times = target.times("event-" + std::to_string(i));
        CHECK(times <= (r.error ? 0 : 2));
        if (!r.error && times == 0) ++missing;
    }
    CHECK(missing == hook.counters().dropped + endpoint.counters().dead);
    CHECK(sender.in_flight() == 0);
    CHECK(told <= target.bodies.size());  // one of each attempt
    if (!failed) CHECK(told == (operational ? 4 : 0));
    return failed;
}

}  // namespace

TEST_CASE("whatever allocation fails, an endpoint gets each event or counts it as missing",
          "[webhook][fault-1]") {
    const auto history = GENERATE(std::size_t{0}, std::size_t{100});
    const auto failures = GENERATE(1L, 2L, 4L);
    const auto operational = GENERATE(false, true);
    publish_with(1'000'000, 1, history, operational);  // what is made once is there
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(failures, history, operational, n);
        REQUIRE(n < 2000);
        failed = publish_with(n, failures, history, operational);
    }
}

}  // namespace tidings::test
