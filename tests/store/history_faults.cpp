// SPDX-License-Identifier: BSL-1.0
// A history that fails at every step in turn, before or after what it was asked to do.
#include "support/world.hpp"

#include <tidings/bus.hpp>
#include <tidings/store/memory_history.hpp>
#include <tidings/test/faulty_history.hpp>
#include <tidings/test/recorder.hpp>

#include <boost/asio/bind_executor.hpp>

namespace tidings::test {

namespace {

using texts = std::vector<std::string>;

/// A bus over a history that fails.
struct history_fault_bed {
    explicit history_fault_bed(world& in)
        : w(in),
          history(std::make_shared<faulty_history>(
              make_memory_history({{.max_events = 1000}}, &in.clock()))),
          hub(std::in_place, in.io(),
              bus_options{.history = {.implementation = history}, .clock = &in.clock()}) {}
    receipt publish(std::string_view text) {
        return hub->publish("a", event("test", "/test", text));
    }

    world& w;
    std::shared_ptr<faulty_history> history;
    std::optional<bus> hub;
};

texts texts_of(const std::vector<event_ptr>& events) {
    texts shown;
    for (const auto& e : events) shown.emplace_back(e->text());
    return shown;
}

/// A way to resume on a bus: gives what came until it ended or had all, and why it ended.
struct resumption {
    std::vector<event_ptr> seen{};
    error_code ended{};
};
using resume_function = resumption (*)(world&, bus&, const position& after, std::size_t all);

resumption resume_subscriber(world& w, bus& hub, const position& after, std::size_t all) {
    const auto seen = std::make_shared<recorder>();
    const auto s = hub.subscribe("a", seen, {.after = after});
    w.run_until([&] { return seen->count() == all || seen->unsubscribed(); });
    CHECK(s.active() == !seen->unsubscribed());
    CHECK(s.error() == seen->unsubscribed().value_or(error_code()));
    return {seen->events(), s.error()};
}

resumption resume_callback(world& w, bus& hub, const position& after, std::size_t all) {
    resumption r;
    const auto s = hub.subscribe("a", [&](const event_ptr& e) { r.seen.push_back(e); },
                                 {.after = after, .limits = {.max_events = 7}});
    w.run_until([&] { return r.seen.size() == all || !s.active(); });
    r.ended = s.error();
    return r;
}

resumption resume_receiver(world& w, bus& hub, const position& after, std::size_t all) {
    resumption r;
    auto queue = hub.receive("a", {.after = after, .limits = {.max_events = 7}});
    while (r.seen.size() < all && !r.ended) {
        bool done = false;
        queue.async_receive(net::bind_executor(w.io(), [&](error_code ec, event_ptr e) {
            r.ended = ec;
            if (!ec) r.seen.push_back(std::move(e));
            done = true;
        }));
        w.run_until([&] { return done; });
    }
    return r;
}

}  // namespace

TEST_CASE("whichever append of a history fails, its publisher gets the error", "[bus][faulty]") {
    const bool after = GENERATE(false, true);
    const bool waits = GENERATE(false, true);
    const std::size_t nth = GENERATE(1U, 2U, 3U);
    CAPTURE(after, waits, nth);
    world w;
    history_fault_bed f(w);
    const auto seen = std::make_shared<recorder>();
    const auto s = f.hub->subscribe("a", seen);
    f.history->plan().fail({.operation = "append", .nth = nth, .after = after});

    std::vector<receipt> receipts;
    for (const auto* text : {"1", "2", "3"}) {
        if (!waits) {
            receipts.push_back(f.publish(text));
            continue;
        }
        f.hub->async_publish("a", event("test", "/test", text), [&](error_code ec, receipt r) {
            CHECK(ec == r.error);
            receipts.push_back(r);
        });
        w.run_ready();
    }
    w.run_ready();
    REQUIRE(receipts.size() == 3);
    texts made;
    for (std::size_t i = 1; i <= 3; ++i) {
        CAPTURE(i);
        const auto& r = receipts[i - 1];
        const bool failed = i == nth;
        // What was made although its answer was lost goes to all as ever.
        const bool is_made = !failed || after;
        CHECK(r.error == (failed ? make_error_code(errc::history_failed) : error_code()));
        CHECK(r.matched == (is_made ? 1 : 0));
        CHECK(r.matched == r.delivered + r.queued + r.dropped);
        if (is_made) made.push_back(std::to_string(i));
    }
    CHECK(texts_of(seen->events()) == made);
    CHECK(texts_of(resume_subscriber(w, *f.hub, {}, made.size()).seen) == made);
    CHECK(s.active());
}

TEST_CASE("a resume whose history fails ends with the reason, and the next goes on from there",
          "[bus][faulty]") {
    const auto resume =
        GENERATE(as<resume_function>(), resume_subscriber, resume_callback, resume_receiver);
    const bool after = GENERATE(false, true);
    std::size_t nth = 1;
    for (bool failed = true; failed; ++nth) {
        CAPTURE(after, nth);
        REQUIRE(nth < 100);
        world w;
        history_fault_bed f(w);
        texts expected;
        for (int i = 0; i < 200; ++i) {  // more than one slice
            expected.push_back(std::to_string(i));
            f.publish(expected.back());
        }
        f.history->plan().fail({.operation = "read", .nth = nth, .after = after});
        auto got = resume(w, *f.hub, {}, expected.size());
        failed = f.history->plan().failures() != 0;
        // The reads that are left when all has come may fail without a word.
        CHECK((got.ended == errc::history_failed || got.seen.size() == expected.size()));
        if (failed && nth == 1) CHECK(got.ended == errc::history_failed);
        if (!failed) CHECK_FALSE(got.ended);

        const auto rest = expected.size() - got.seen.size();
        const auto from = got.seen.empty() ? position() : *got.seen.back()->position();
        auto next = resume(w, *f.hub, from, rest);
        CHECK_FALSE(next.ended);
        auto all = texts_of(got.seen);
        for (auto& text : texts_of(next.seen)) all.push_back(std::move(text));
        CHECK(all == expected);
        CHECK(f.hub->subscriptions() == 0);
    }
    CHECK(nth > 3);
}

TEST_CASE("a live subscriber does not notice a history that cannot be read", "[bus][faulty]") {
    world w;
    history_fault_bed f(w);
    const auto seen = std::make_shared<recorder>();
    const auto s = f.hub->subscribe("a", seen);
    f.history->plan().fail({.operation = "read", .times = fault::always});
    f.publish("1");
    CHECK(resume_subscriber(w, *f.hub, {}, 1).ended == errc::history_failed);
    f.publish("2");
    w.run_ready();
    CHECK(texts_of(seen->events()) == texts{"1", "2"});
    CHECK(s.active());
}

TEST_CASE("an append that is not answered keeps its publisher waiting, and no other",
          "[bus][faulty]") {
    world w;
    history_fault_bed f(w);
    const auto seen = std::make_shared<recorder>();
    const auto s = f.hub->subscribe("a", seen);
    int told = 0;
    f.history->plan().hold();
    f.hub->async_publish("a", event("test", "/test", "1"), [&](error_code ec, receipt r) {
        CHECK_FALSE(ec);
        CHECK(r.position);
        ++told;
    });
    CHECK_FALSE(f.publish("2").error);
    w.run_ready();
    CHECK(texts_of(seen->events()) == texts{"1", "2"});
    CHECK(told == 0);
    f.history->plan().release();
    w.run_ready();
    CHECK(told == 1);
}

}  // namespace tidings::test
