// SPDX-License-Identifier: BSL-1.0
// What is announced where memory runs out, at each allocation in turn.
#include "support/allocations.hpp"
#include "support/resume_bed.hpp"

namespace tidings::test {

namespace {

event_ptr publication_of(std::string_view text) {
    error_code ec;
    return publication::make("a", made(text), {}, ec);
}

/// A subscriber that allocates nothing.
struct keeping_subscriber final : subscriber {
    keeping_subscriber() { seen.reserve(10); }
    outcome deliver(const event_ptr& e) noexcept override {
        seen.push_back(e);
        return outcome::delivered;
    }
    std::vector<event_ptr> seen;
};

/// The same as a feed's sink.
struct keeping_sink final : detail::feed_sink {
    keeping_sink() { seen.reserve(10); }
    bool ready() noexcept override { return true; }
    void push(const event_ptr& e) noexcept override { seen.push_back(e); }
    void on_feed_end(error_code why) noexcept override { ended = why; }
    std::vector<event_ptr> seen;
    error_code ended;
};

}  // namespace

TEST_CASE("a queue without memory to say what is missing says it with the next call",
          "[bus][overflow][fault-1]") {
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 50);
        detail::bounded_queue queue({.max_events = 1}, overflow::drop_oldest);
        for (const auto* text : {"1", "2", "3"}) queue.push(publication_of(text));
        event_ptr first;
        failed = runs_out_after(n, [&] { first = queue.pop(); });
        CHECK(failed == !first);
        if (failed) first = queue.pop();
        CHECK(show(first) == "lagged(2)");
        CHECK(show(queue.pop()) == "a=3");
        CHECK(queue.empty());
    }
}

TEST_CASE("a receiver without memory for what it takes has it with the next call",
          "[bus][overflow][fault-1]") {
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 50);
        bus_fixture f;
        auto r = f.hub->receive("a", {.limits = {.max_events = 2}});
        for (const auto* text : {"1", "2", "3"}) f.publish("a", text);
        texts seen;
        std::optional<event_ptr> first;
        failed = runs_out_after(n, [&] { first = r.try_receive(); });
        if (first) seen.push_back(show(*first));
        while (const auto e = r.try_receive()) seen.push_back(show(*e));
        CHECK(seen == texts{"lagged(1)", "a=2", "a=3"});
    }
}

TEST_CASE("an outlet that cannot be notified of what it missed is, before the next event",
          "[bus][fault-1]") {
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 50);
        context_fixture f;
        bus hub(f.io(), {.clock = &f.clock(), .inbox = {.max_events = 1}});
        const auto target = std::make_shared<keeping_subscriber>();
        const auto s = hub.subscribe("a", target);
        for (const auto* text : {"1", "2", "3"}) hub.publish("a", made(text));
        failed = runs_out_after(n, [&] { f.run(); });
        hub.publish("a", made("4"));
        f.run();
        CHECK(show(target->seen) == texts{"a=1", "lagged(2)", "a=4"});
        CHECK(s.counters().dropped == 2);
        target->seen.clear();
    }
}

TEST_CASE("an outlet for which memory is missing is notified of it before the next event",
          "[bus][fault-1]") {
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 50);
        context_fixture f;
        bus hub(f.io(), {.clock = &f.clock()});
        const auto target = std::make_shared<keeping_subscriber>();
        const auto s = hub.subscribe("a", target);
        hub.async_publish("a", made("1"), [](error_code, receipt) {});
        failed = runs_out_after(n, [&] { f.run(); });
        hub.publish("a", made("2"));
        f.run();
        const auto seen = show(target->seen);
        const bool taken = seen == texts{"a=1", "a=2"};
        CHECK((taken || (failed && seen == texts{"lagged(1)", "a=2"})));
        target->seen.clear();
    }
}

TEST_CASE("a feed without memory to announce a gap ends before it", "[feed][fault-1]") {
    const bool kept = GENERATE(false, true);  // whether there is a history
    const position unknown(std::make_shared<const std::string>("unknown"), 7);
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(kept, n);
        REQUIRE(n < 100);
        context_fixture f;
        bus hub(f.io(), {.history = {.max_events = kept ? std::size_t{10} : std::size_t{0}},
                         .clock = &f.clock()});
        const auto sink = std::make_shared<keeping_sink>();
        const auto feed = std::make_shared<detail::feed>(
            hub.state(), hub.state()->home(), sink,
            detail::feed_options{.patterns = {"a"}, .after = unknown});
        REQUIRE_FALSE(feed->start());
        failed = runs_out_after(n, [&] { f.run(); });
        f.run();
        if (sink->ended) {
            CHECK(failed);
            CHECK(sink->ended == errc::out_of_memory);
            CHECK(sink->seen.empty());
            CHECK(feed->cursor() == unknown);
        } else {
            CHECK(show(sink->seen) == texts{"gap"});
        }
        feed->stop();
        f.run();
    }
}

}  // namespace tidings::test
