// SPDX-License-Identifier: BSL-1.0
// What one more endpoint costs a sender that has many, in allocations.
#include "support/allocations.hpp"
#include "support/webhook_bed.hpp"

#include <tidings/test/faulty_outbox.hpp>

namespace tidings::test {

namespace {

/// A sender with an outbox that answers asynchronously, as one in a file does. Such an outbox is
/// given the ids of the endpoints with each claim.
struct counts_bed {
    counts_bed() {
        auto o = webhook_options(w);
        o.outbox = std::make_shared<faulty_outbox>();
        sender.emplace(w.io(), std::move(o));
    }
    void add() {
        const auto n = std::to_string(made++);
        endpoints.push_back(
            sender->endpoint({.url = "http://127.0.0.1/" + n, .secret = webhook_secret}));
        w.run_ready();
    }
    void remove() {
        endpoints.pop_back();
        w.run_ready();
    }
    /// Of one call, from as many endpoints on.
    template <class F>
    std::size_t cost(std::size_t of, F call) {
        constexpr std::size_t times = 32;
        while (endpoints.size() < of) add();
        const auto before = allocations_made.load();
        for (std::size_t i = 0; i < times; ++i) call();
        return (allocations_made - before) / times;
    }

    world w;
    std::optional<webhook::sender> sender;
    std::vector<webhook::endpoint> endpoints;
    std::size_t made = 0;
};

}  // namespace

TEST_CASE("an endpoint costs a sender of thousands what it costs one of a few", "[webhook]") {
    counts_bed b;
    const auto added = b.cost(64, [&] { b.add(); });
    const auto removed = b.cost(64, [&] { b.remove(); });
    const auto added_late = b.cost(4096, [&] { b.add(); });
    const auto removed_late = b.cost(4096, [&] { b.remove(); });
    CAPTURE(added, removed, added_late, removed_late);
    CHECK(added_late <= added + 12);  // a tree of them is higher
    CHECK(removed_late <= removed + 12);
}

TEST_CASE("what a memory outbox is made to end by time costs a sender of thousands little",
          "[webhook]") {
    const auto cost_of = [](std::size_t endpoints) {
        world w;
        auto o = webhook_options(w);
        o.retry.delays = {std::chrono::seconds(0)};
        webhook::sender sender(w.io(), std::move(o));
        world_sink target(w);
        target.answer = answering({400});
        std::vector<webhook::endpoint> held;
        for (std::size_t i = 0; i < endpoints; ++i)
            held.push_back(sender.endpoint(
                {.url = target.url("/hook?" + std::to_string(i)), .secret = webhook_secret}));
        w.run_ready();
        const auto send = [&] {
            const auto before = allocations_made.load();
            bus hub(w.io(), {.clock = &w.clock()});
            const auto hook = hub.subscribe("a", held.front());
            hub.publish("a", event("test", "/test", "x"));
            w.run_ready();
            return allocations_made - before;
        };
        send();  // which is given up, so that what has to end by time is looked for
        const auto without = send();
        w.advance(std::chrono::minutes(61));
        const auto with = send();
        CAPTURE(without, with);
        CHECK(target.requests.size() == 3);
        return with - std::min(with, without);
    };
    const auto few = cost_of(16), many = cost_of(4096);
    CAPTURE(few, many);
    CHECK(many <= few + 256);
}

}  // namespace tidings::test
