// SPDX-License-Identifier: BSL-1.0
// An outbox that fails at every step in turn, before or after what it was asked to do.
#include "support/webhook_bed.hpp"

#include <tidings/store/memory_outbox.hpp>
#include <tidings/test/faulty_outbox.hpp>

#include <algorithm>
#include <map>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using texts = std::vector<std::string>;

/// A sender over an outbox that fails, and publishers that wait.
struct outbox_fault_bed {
    explicit outbox_fault_bed(world& in,
                              std::shared_ptr<faulty_outbox> o = std::make_shared<faulty_outbox>())
        : w(in),
          outbox(std::move(o)),
          bed(in, options()),
          target(in) {
        target.answer = [this](http::exchange& x) {
            ++deliveries[x.request().body];
            answer(x);
        };
    }
    webhook::sender_options options() {
        auto o = webhook_options(w);
        o.outbox = outbox;
        return o;
    }
    void publish(std::string text) {
        bed.hub->async_publish(
            "a", event("test", "/test", text),
            [this, text, alive = std::weak_ptr(told_to)](error_code ec, receipt r) {
                if (alive.expired()) return;
                CHECK(r.matched == r.delivered + r.queued + r.dropped);
                CHECK((ec == errc::store_failed) == (r.dropped != 0));
                if (ec) refused.push_back(text);
                ++told;
            });
    }

    world& w;
    std::shared_ptr<faulty_outbox> outbox;
    send_bed bed;
    world_sink target;
    std::function<void(http::exchange&)> answer = answering({204});
    std::map<std::string, int> deliveries;
    texts refused;
    int told = 0;
    /// What an outbox never answered may complete behind this.
    std::shared_ptr<int> told_to = std::make_shared<int>();
};

}  // namespace

TEST_CASE("whichever operation of an outbox fails, what was taken is delivered",
          "[webhook][faulty]") {
    const bool after = GENERATE(false, true);
    const std::size_t times = GENERATE(1U, 2U, 5U);
    std::size_t nth = 1;
    for (bool failed = true; failed; ++nth) {
        CAPTURE(after, times, nth);
        REQUIRE(nth < 100);
        world w;
        outbox_fault_bed f(w);
        // Of each kind of result one: due again, spared, done.
        f.answer = answering({500, 429, 204});
        const auto e = f.bed.add(f.target.url(), {.id = "e"});
        f.outbox->plan().fail({.nth = nth, .times = times, .after = after});
        for (const auto* text : {"1", "2", "3"}) f.publish(text);
        w.run_ready();
        f.publish("4");
        for (int i = 0; i < 100; ++i) w.advance(1s);
        failed = f.outbox->plan().failures() != 0;

        CHECK(f.told == 4);
        int attempts = 0;
        for (const auto* text : {"1", "2", "3", "4"}) {
            CAPTURE(text);
            const bool refused =
                std::find(f.refused.begin(), f.refused.end(), text) != f.refused.end();
            // A publication that was reported as failed may have been made all the same.
            if (!refused || after)
                CHECK(f.deliveries[text] >= 1);
            else
                CHECK(f.deliveries[text] == 0);
            attempts += f.deliveries[text];
        }
        CHECK(attempts <= 10);
        for (const auto& l : listed(w, *f.outbox)) {
            CAPTURE(l.entry.attempts, static_cast<int>(l.state));
            CHECK(l.entry.message_id.empty());  // nothing is left
        }
        CHECK(e.counters().accepted + f.refused.size() == 4);
        CHECK(e.counters().dead == f.refused.size());
        CHECK(f.bed.sender->in_flight() == 0);

        // And it goes on as if nothing had been.
        f.outbox->plan().heal();
        f.publish("5");
        w.run_ready();
        CHECK(f.deliveries["5"] == 1);

        // Each that was delivered counts once, whatever had to be repeated.
        for (int i = 0; i < 100; ++i) w.advance(1s);
        std::size_t succeeded = 0;
        for (const auto& c : counts_of(w, *f.outbox, "e")) succeeded += c.succeeded;
        std::size_t delivered = 0;
        for (const auto& [text, made] : f.deliveries) delivered += made > 0 ? 1 : 0;
        CHECK(succeeded == delivered);
    }
    CHECK(nth > 8);
}

TEST_CASE("a drain over an outbox that fails once makes what is due", "[webhook][faulty]") {
    const bool after = GENERATE(false, true);
    std::size_t nth = 1;
    for (bool failed = true; failed; ++nth) {
        CAPTURE(after, nth);
        REQUIRE(nth < 100);
        world w;
        outbox_fault_bed f(w);
        f.bed.add(f.target.url());
        f.outbox->plan().fail({.nth = nth, .after = after});
        for (const auto* text : {"1", "2", "3"}) f.publish(text);
        while (f.outbox->plan().operations("append") == 0) w.io().run_one();
        bool done = false;
        f.bed.sender->drain_state()->start_drain([&](error_code) { done = true; });
        for (int i = 0; i < 5; ++i) w.advance(1s);
        failed = f.outbox->plan().failures() != 0;
        CHECK(done);
        CHECK(f.told == 3);
        for (const auto* text : {"1", "2", "3"})
            CHECK(f.deliveries[text] == (f.refused.empty() || after ? 1 : 0));
        CHECK(listed(w, *f.outbox).empty());
    }
    CHECK(nth > 4);
}

TEST_CASE("a drain waits for what could not be claimed, though nothing else is under way",
          "[webhook][faulty]") {
    world w;
    outbox_fault_bed f(w);
    std::vector<http::exchange> held;
    f.answer = [&](http::exchange& x) { held.push_back(std::move(x)); };
    f.bed.add(f.target.url());
    f.publish("1");
    w.run_ready();
    REQUIRE(held.size() == 1);
    f.outbox->plan().fail({.operation = "claim"});
    f.outbox->plan().fail({.operation = "list"});
    f.publish("2");
    w.run_ready();
    bool done = false;
    f.bed.sender->drain_state()->start_drain([&](error_code) { done = true; });
    w.run_ready();
    CHECK(f.outbox->plan().failures() == 2);
    held[0].respond({.status = 204});
    held.clear();
    w.run_ready();
    CHECK_FALSE(done);
    w.advance(1100ms);
    REQUIRE(held.size() == 1);
    held[0].respond({.status = 204});
    w.run_ready();
    CHECK(done);
    CHECK(f.deliveries["2"] == 1);
    held.clear();
}

TEST_CASE("what was settled, and said not to be, is attempted as often as it would have been",
          "[webhook][faulty]") {
    world w;
    outbox_fault_bed f(w);
    f.answer = answering({500, 204});
    const auto e = f.bed.add(f.target.url(), {.id = "e"});
    // For longer than the wait before the second attempt.
    f.outbox->plan().fail({.operation = "finish", .times = 20, .after = true});
    f.publish("1");
    for (int i = 0; i < 30; ++i) w.advance(1s);
    CHECK(f.outbox->plan().failures() == 20);
    CHECK(f.deliveries["1"] == 2);
    CHECK(e.counters().delivered == 1);
    const auto counts = counts_of(w, *f.outbox, "e");
    REQUIRE(counts.size() == 1);
    CHECK(counts[0].failed == 1);
    CHECK(counts[0].succeeded == 1);
    CHECK(listed(w, *f.outbox).empty());
}

TEST_CASE("a drain over an outbox that fails for good ends, and loses nothing",
          "[webhook][faulty]") {
    const bool after = GENERATE(false, true);
    std::size_t nth = 1;
    for (bool failed = true; failed; ++nth) {
        CAPTURE(after, nth);
        REQUIRE(nth < 100);
        world w;
        const auto sound = store::make_memory_outbox();
        outbox_fault_bed f(w, std::make_shared<faulty_outbox>(sound));
        f.answer = answering({500, 204});
        f.bed.add(f.target.url());
        f.outbox->plan().fail({.nth = nth, .times = fault::always, .after = after});
        for (const auto* text : {"1", "2", "3"}) f.publish(text);
        w.run_ready();
        CHECK(f.told == 3);
        bool done = false;
        f.bed.sender->drain_state()->start_drain([&](error_code) { done = true; });
        for (int i = 0; i < 31; ++i) w.advance(1s);
        failed = f.outbox->plan().failures() != 0;
        CHECK(done);
        texts kept;
        for (const auto& l : listed(w, *sound)) kept.push_back(*l.entry.message->body);
        for (const auto* text : {"1", "2", "3"}) {
            const bool is_kept = std::find(kept.begin(), kept.end(), text) != kept.end();
            CHECK((is_kept || f.deliveries[text] != 0 || !f.refused.empty()));
        }
    }
    CHECK(nth > 4);
}

TEST_CASE("a drain over an outbox that fails again and again does not wait for its deadline",
          "[webhook][faulty]") {
    const auto what = GENERATE(as<std::string>(), "claim", "finish");
    CAPTURE(what);
    world w;
    outbox_fault_bed f(w);
    f.bed.add(f.target.url());
    w.run_ready();
    f.outbox->plan().fail({.operation = what, .times = fault::always});
    if (what == "claim") f.outbox->plan().fail({.operation = "list", .times = fault::always});
    f.publish("1");
    w.run_ready();
    CHECK(f.deliveries["1"] == (what == "finish" ? 1 : 0));
    std::optional<error_code> end;
    f.bed.sender->drain_state()->start_drain([&](error_code ec) { end = ec; });
    w.advance(1s);
    CHECK_FALSE(end.has_value());  // it may have been for once
    for (int i = 0; i < 2; ++i) w.advance(1s);
    REQUIRE(end.has_value());
    CHECK(*end == errc::store_failed);
    CHECK(f.bed.logged.find("deliveries are still owed") != std::string::npos);
}

TEST_CASE("an outbox that never answers holds up neither a drain nor the end of a sender",
          "[webhook][faulty]") {
    const bool drains = GENERATE(false, true);
    int answers = 0;
    for (bool held = true; held; ++answers) {
        CAPTURE(drains, answers);
        REQUIRE(answers < 100);
        world w;
        outbox_fault_bed f(w);
        f.answer = answering({500, 204});
        f.bed.add(f.target.url());
        f.outbox->plan().hold();
        for (const auto* text : {"1", "2", "3"}) f.publish(text);
        // So many are answered, the next is not.
        for (int i = 0; i < answers; ++i) {
            w.run_ready();
            if (!f.outbox->plan().release_one()) w.advance(5s);
            f.outbox->plan().release_one();
        }
        w.run_ready();
        held = f.outbox->plan().held() != 0;
        bool done = !drains;
        if (drains) {
            f.bed.sender->drain_state()->start_drain([&](error_code) { done = true; });
            w.advance(31s);
        }
        CHECK(done);
        f.bed.sender.reset();
        w.run_ready();
        f.outbox->plan().discard();
    }
    CHECK(answers > 4);
}

TEST_CASE("what a sender owes when it ends, the next over the same outbox delivers",
          "[webhook][faulty]") {
    int steps = 0;
    for (bool ended_early = true; ended_early; ++steps) {
        CAPTURE(steps);
        REQUIRE(steps < 1000);
        world w;
        outbox_fault_bed f(w);
        f.answer = answering({500, 204});
        f.bed.add(f.target.url());
        texts taken;
        for (const auto* text : {"1", "2", "3"})
            f.bed.hub->async_publish("a", event("test", "/test", text),
                                     [&taken, text](error_code, receipt r) {
                                         if (r.queued != 0) taken.emplace_back(text);
                                     });
        int done = 0;
        while (done < steps && w.io().poll_one() != 0) ++done;
        ended_early = done == steps;
        f.bed.sender.reset();
        f.bed.hooks.clear();
        w.run_ready();

        webhook::sender next(w.io(), f.options());
        const auto e = next.endpoint({.url = f.target.url(), .secret = webhook_secret});
        for (int i = 0; i < 10; ++i) w.advance(1s);
        for (const auto& text : taken) {
            CAPTURE(text);
            CHECK(f.deliveries[text] >= 1);
        }
        CHECK(listed(w, *f.outbox).empty());
        CHECK((taken.size() == 3 || ended_early));
    }
    CHECK(steps > 20);
}

TEST_CASE("a claim that is answered when its sender has ended is given back", "[webhook][faulty]") {
    world w;
    outbox_fault_bed f(w);
    f.bed.add(f.target.url());
    w.run_ready();
    f.outbox->plan().hold();
    f.publish("1");
    w.run_ready();
    CHECK(f.outbox->plan().release_one());  // the append
    w.run_ready();
    CHECK(f.outbox->plan().held() == 1);  // the claim
    f.bed.sender.reset();
    w.run_ready();
    f.outbox->plan().release();
    w.run_ready();
    const auto left = listed(w, *f.outbox);
    REQUIRE(left.size() == 1);
    CHECK(left[0].state == store::outbox_state::pending);
    CHECK(f.deliveries.empty());
}

}  // namespace tidings::test
