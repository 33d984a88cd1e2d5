// SPDX-License-Identifier: BSL-1.0
// Stores and histories that fail at every step in turn, before or after what they were asked to do.
#include "support/rest_hook_bed.hpp"
#include "support/webhook_bed.hpp"

#include <tidings/store/memory_history.hpp>
#include <tidings/store/memory_outbox.hpp>
#include <tidings/store/memory_table.hpp>
#include <tidings/test/faulty_history.hpp>
#include <tidings/test/faulty_outbox.hpp>
#include <tidings/test/faulty_table.hpp>
#include <tidings/test/recorder.hpp>

#include <algorithm>
#include <map>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
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
        bed.hub->async_publish("a", event("test", "/test", text),
                               [this, text](error_code ec, receipt r) {
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
};

/// The rows of a table.
texts keys_of(world& w, store::table& t) {
    texts keys;
    t.start_scan({}, 1000, {w.io().get_executor(), [&](error_code, std::vector<store::row> page) {
                                for (auto& r : page) keys.push_back(std::move(r.key));
                            }});
    w.run_ready();
    return keys;
}

texts ids_of(const http::response& list) {
    texts ids;
    for (const auto& hook : json::parse(list.body)) ids.push_back(hook.at("id"));
    return ids;
}

/// Asks again what was put off, as its answer says.
http::response insist(world& w, const std::function<http::response()>& ask) {
    for (int tries = 0; tries < 20; ++tries) {
        auto r = ask();
        if (r.status < 500) return r;
        INFO(r.body);
        CHECK(r.status == 503);
        CHECK(r.fields.get("content-type") == "application/problem+json");
        CHECK(r.fields.get("retry-after") == "1");
        const auto problem = json::parse(r.body, nullptr, false);
        REQUIRE(problem.is_object());
        CHECK(problem.at("status") == 503);
        CHECK_FALSE(problem.at("detail").get<std::string>().empty());
        w.advance(1s);
    }
    FAIL("put off for ever");
    return {};
}

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
        const auto e = f.bed.add(f.target.url());
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
    const auto e = f.bed.add(f.target.url());
    // For longer than the wait before the second attempt.
    f.outbox->plan().fail({.operation = "finish", .times = 20, .after = true});
    f.publish("1");
    for (int i = 0; i < 30; ++i) w.advance(1s);
    CHECK(f.outbox->plan().failures() == 20);
    CHECK(f.deliveries["1"] == 2);
    CHECK(e.counters().delivered == 1);
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
        for (const auto& l : listed(w, *sound)) kept.push_back(*l.entry.body);
        for (const auto* text : {"1", "2", "3"}) {
            const bool is_kept = std::find(kept.begin(), kept.end(), text) != kept.end();
            CHECK((is_kept || f.deliveries[text] != 0 || !f.refused.empty()));
        }
    }
    CHECK(nth > 4);
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

TEST_CASE("whichever operation of a table fails, the API says so and agrees with the table",
          "[rest_hook][faulty]") {
    const bool after = GENERATE(false, true);
    const std::size_t times = GENERATE(1U, 3U);
    std::size_t nth = 1;
    for (bool failed = true; failed; ++nth) {
        CAPTURE(after, times, nth);
        REQUIRE(nth < 100);
        world w;
        const auto sound = store::make_memory_table();
        const auto table = std::make_shared<faulty_table>(sound);
        table->plan().fail({.nth = nth, .times = times, .after = after});
        hook_bed bed(w, {.table = table});
        bed.target.answer = [](http::exchange& x) {
            x.respond({.status = x.request().query() == "gone" ? 410U : 204U});
        };
        const auto create = [&](std::string_view event, std::string_view path) {
            const auto r = insist(w, [&] { return bed.post(bed.body(event, path)); });
            REQUIRE(r.status == 201);
            return json::parse(r.body).at("id").get<std::string>();
        };
        const auto kept = create("kept", "/hook");
        const auto deleted = create("deleted", "/hook?deleted");
        create("gone", "/hook?gone");
        // A client that has to come again may find that it was done.
        const auto status = insist(w, [&] { return bed.del(deleted); }).status;
        CHECK((status == 204 || (status == 404 && after)));
        bed.publish("gone");
        for (int i = 0; i < 10; ++i) w.advance(1s);
        failed = table->plan().failures() != 0;

        CHECK(ids_of(bed.get()) == texts{kept});
        CHECK(keys_of(w, *sound) == texts{kept});
        CHECK(bed.hub->subscriptions() == 1);
        bed.target.requests.clear();
        for (const auto* topic : {"kept", "deleted", "gone"}) bed.publish(topic);
        REQUIRE(bed.target.requests.size() == 1);
        CHECK(bed.target.requests[0].fields.get("x-hook-subscription") == kept);
    }
    CHECK(nth > 6);
}

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
