// SPDX-License-Identifier: BSL-1.0
// What an endpoint was given is delivered, although nothing holds the endpoint any more.
#include "support/webhook_bed.hpp"

#include <tidings/drain.hpp>
#include <tidings/store/memory_outbox.hpp>
#include <tidings/test/faulty_outbox.hpp>
#include <tidings/webhook/receiver.hpp>

#include <csignal>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using texts = std::vector<std::string>;

/// An endpoint that its subscription alone holds, whose target answers at the test's command.
struct owing_bed {
    owing_bed() {
        target.answer = [this](http::exchange& x) { held.push_back(std::move(x)); };
    }
    void publish(const texts& all) {
        for (const auto& text : all) bed.publish(text);
        CHECK(held.size() == 1);
    }
    void answer_all() {
        while (!held.empty()) {
            auto x = std::move(held.back());
            held.pop_back();
            x.respond({.status = 204});
            w.run_ready();
        }
    }
    std::size_t in_state(store::outbox_state s) {
        const auto all = listed(w, *outbox);
        return static_cast<std::size_t>(
            std::count_if(all.begin(), all.end(), [s](const auto& l) { return l.state == s; }));
    }
    /// Puts an entry for the target into the outbox, beside the sender.
    void append_late() {
        store::outbox_entry late;
        late.endpoint = target.url();
        late.message_id = "late";
        late.message = message_of("late");
        late.due = w.clock().wall_now();
        outbox->start_append({.entries = {late}},
                             {w.io().get_executor(), [](error_code, const auto&) {}});
    }
    webhook::sender_options options() {
        auto o = webhook_options(w);
        o.outbox = outbox;
        o.request_timeout = 1min;  // beyond drain_timeout
        return o;
    }

    world w;
    const std::shared_ptr<faulty_outbox> outbox = std::make_shared<faulty_outbox>();
    send_bed bed{w, options()};
    world_sink target{w};
    std::vector<http::exchange> held;
};

/// Whether a drain has ended, and how.
struct drain_result {
    void operator()(error_code ec) const { *ended = ec; }
    std::shared_ptr<std::optional<error_code>> ended =
        std::make_shared<std::optional<error_code>>();
};

}  // namespace

TEST_CASE("a bus that drains takes no delivery from an endpoint that it alone held", "[webhook]") {
    owing_bed b;
    b.bed.add(b.target.url());
    b.publish({"1", "2", "3"});
    const drain_result of_bus;
    b.bed.hub->async_drain(of_bus);
    b.w.advance(100ms);
    REQUIRE(of_bus.ended->has_value());
    CHECK_FALSE(**of_bus.ended);
    const drain_result of_sender;
    b.bed.sender->async_drain(of_sender);
    b.w.run_ready();
    CHECK_FALSE(of_sender.ended->has_value());
    b.answer_all();
    REQUIRE(of_sender.ended->has_value());
    CHECK_FALSE(**of_sender.ended);
    CHECK(bodies_of(b.target) == texts{"1", "2", "3"});
    CHECK(listed(b.w, *b.outbox).empty());
}

TEST_CASE("a signal loses no delivery, in whatever order bus and sender are named",
          "[webhook][drain]") {
    const bool bus_first = GENERATE(true, false);
    owing_bed b;
    b.bed.add(b.target.url());
    b.publish({"1", "2"});
    if (bus_first)
        drain_on_signal(b.w.io(), *b.bed.hub, *b.bed.sender);
    else
        drain_on_signal(b.w.io(), *b.bed.sender, *b.bed.hub);
    b.w.run_ready();
    std::raise(SIGTERM);
    b.w.run_ready();
    b.bed.publish("3");
    for (int i = 0; i < 5; ++i) b.w.advance(100ms);
    CHECK_FALSE(b.bed.hooks[0].active());
    b.answer_all();
    CHECK(bodies_of(b.target) == texts{"1", "2", "3"});
    CHECK(listed(b.w, *b.outbox).empty());
}

TEST_CASE("what a drain leaves is owed by the next sender", "[webhook][drain]") {
    owing_bed b;
    b.bed.add(b.target.url(), {.id = "one"});
    b.publish({"1", "2", "3"});
    b.bed.hub->async_drain([](error_code) {});
    b.w.advance(100ms);
    const drain_result of_sender;
    b.bed.sender->async_drain(of_sender);
    b.w.advance(31s);
    REQUIRE(of_sender.ended->has_value());
    CHECK(of_sender.ended->value() == errc::timed_out);
    CHECK(b.in_state(store::outbox_state::pending) == 3);
    b.held.clear();
    b.target.requests.clear();
    webhook::sender next(b.w.io(), b.options());
    const auto again =
        next.endpoint({.url = b.target.url(), .secret = webhook_secret, .id = "one"});
    b.w.run_ready();
    b.answer_all();
    CHECK(bodies_of(b.target) == texts{"1", "2", "3"});
    CHECK(again.counters().delivered == 3);
}

TEST_CASE("a receiver that closes takes no delivery from the endpoint behind it", "[webhook]") {
    owing_bed b;
    webhook::receiver in(
        any_subscriber(b.bed.sender->endpoint({.url = b.target.url(), .secret = webhook_secret})),
        {.allow_unsigned = true, .environment = b.w.environment()});
    http::server front(b.w.io(), {.environment = b.w.environment()});
    front.mount("/in", in);
    front.start();
    for (const auto* text : {"1", "2"}) {
        const auto answer = b.w.request("POST", url_of(front, "/in"), text,
                                        {{"webhook-id", std::string("id-") + text}});
        CHECK(answer.status == 202);
    }
    in.close();
    b.w.run_ready();
    b.answer_all();
    CHECK(bodies_of(b.target) == texts{"1", "2"});
    CHECK(listed(b.w, *b.outbox).empty());
}

TEST_CASE("what an endpoint that nobody holds is owed is delivered as it comes due", "[webhook]") {
    owing_bed b;
    world_sink other(b.w);
    b.target.answer = answering({500, 204});
    b.bed.add(b.target.url());
    b.bed.publish("1");
    b.bed.hooks.clear();
    b.w.run_ready();
    CHECK(b.target.requests.size() == 1);
    b.w.advance(6s);
    CHECK(b.target.requests.size() == 2);
    CHECK(listed(b.w, *b.outbox).empty());
    // Long after, it is unknown: what comes for it then waits until it is added again.
    b.bed.add(other.url());
    for (int i = 0; i < 3; ++i) {
        b.w.advance(24h * 10);
        b.bed.publish("other");
    }
    b.append_late();
    b.bed.publish("other");
    CHECK(b.in_state(store::outbox_state::pending) == 1);
    b.bed.add(b.target.url());
    b.w.run_ready();
    CHECK(bodies_of(b.target) == texts{"1", "1", "late"});
}

TEST_CASE("an endpoint that nobody holds is known as long as it may be owed something",
          "[webhook]") {
    world w;
    auto o = webhook_options(w);
    o.retry.delays = {0h, 20h, 20h, 20h, 20h, 20h};
    send_bed bed(w, std::move(o));
    world_sink target(w);
    world_sink other(w);
    target.answer = answering({500});
    bed.add(target.url());
    bed.publish("1");
    bed.hooks.clear();
    bed.add(other.url());
    for (int i = 0; i < 110; ++i) {
        w.advance(1h);
        bed.publish("other");
    }
    CHECK(target.requests.size() == 6);
    CHECK(other.requests.size() == 110);
}

TEST_CASE("an endpoint that nothing holds is forgotten at once when it is owed nothing",
          "[webhook]") {
    owing_bed b;
    world_sink other(b.w);
    b.target.answer = answering({204});
    {
        auto e = b.bed.add(b.target.url());
        b.bed.publish("1");
        SECTION("closed") {
            e.close();
        }
        SECTION("dropped") {}
    }
    b.bed.hooks.clear();
    b.w.run_ready();
    b.append_late();
    b.bed.add(other.url());
    b.bed.publish("other");
    CHECK(b.in_state(store::outbox_state::pending) == 1);
    CHECK(b.in_state(store::outbox_state::dead) == 0);
    // The end of one that was replaced is not that of its successor.
    {
        const auto old = b.bed.sender->endpoint({.url = b.target.url(), .secret = webhook_secret});
        b.bed.add(b.target.url(), {.replace = true});
    }
    b.w.run_ready();
    CHECK(bodies_of(b.target) == texts{"1", "late"});
    b.bed.publish("2");
    CHECK(bodies_of(b.target) == texts{"1", "late", "2"});
}

TEST_CASE("an endpoint that is added anew keeps what is being claimed of its past", "[webhook]") {
    owing_bed b;
    b.target.answer = answering({500, 204});
    auto e = b.bed.add(b.target.url(), {.id = "one"});
    b.bed.publish("1");  // waits for its retry
    CHECK(b.target.requests.size() == 1);
    b.outbox->plan().hold();
    e.close();
    b.w.run_ready();
    REQUIRE(b.outbox->plan().held() == 1);  // what it is owed is claimed, to be given up
    b.bed.add(b.target.url(), {.id = "one", .replace = true});
    b.w.run_ready();
    b.outbox->plan().release();
    b.w.run_ready();
    CHECK(b.in_state(store::outbox_state::dead) == 0);
    CHECK(b.target.requests.size() == 1);  // it was claimed before it was due
    b.w.advance(6s);
    CHECK(bodies_of(b.target) == texts{"1", "1"});
    CHECK(listed(b.w, *b.outbox).empty());
}

TEST_CASE("what endpoints that are there are owed outlasts the time that is kept for others",
          "[webhook]") {
    const auto outbox = store::make_memory_outbox({.keep_unknown = 3h});
    world w;
    auto o = webhook_options(w);
    o.outbox = outbox;
    send_bed bed(w, std::move(o));
    world_sink target(w);
    target.answer = answering({500});
    webhook::endpoint_options patient{.retry = webhook::retry_options{.delays = {0s, 48h}}};
    for (int i = 0; i < 600; ++i) {
        patient.id = std::to_string(i);
        bed.add(target.url(), patient);
    }
    bed.publish();
    REQUIRE(outbox->stats().owed == 600);
    bed.add(target.url(), {.id = "bad", .retry = webhook::retry_options{.delays = {0s}}});
    for (int i = 1; i <= 6; ++i) {
        w.advance(1h);
        bed.hub->publish("a", event("test", "/test", "x"));
        w.run_ready();
    }
    CHECK(outbox->stats().owed == 600 * 7);
    for (const auto& l : listed(w, *outbox))
        if (l.state == store::outbox_state::dead) CHECK(l.entry.endpoint == "bad");
}

TEST_CASE("what is too old goes although nothing is given up", "[webhook]") {
    owing_bed b;
    b.target.answer = answering({500, 204});
    b.bed.add(b.target.url(), {.id = "one"});
    const auto logged = [&] {
        std::size_t count = 0;
        b.outbox->start_list_attempts(
            "one", 0, 100,
            {b.w.io().get_executor(), [&](error_code, const auto& page) { count = page.size(); }});
        b.w.run_ready();
        return count;
    };
    b.bed.publish("1");
    b.w.advance(6s);
    CHECK(logged() == 1);
    b.w.advance(24h * 7 - 10s);
    b.bed.publish("2");
    CHECK(logged() == 1);
    b.w.advance(1h);
    b.bed.publish("3");
    CHECK(logged() == 0);
    CHECK(bodies_of(b.target) == texts{"1", "1", "2", "3"});
}

TEST_CASE("a restart gives endpoints time to be added before what they are owed is given up",
          "[webhook]") {
    world w;
    const auto outbox = store::make_memory_outbox({.keep_unknown = 3h});
    auto o = webhook_options(w);
    o.outbox = outbox;
    world_sink target(w);
    target.answer = answering({500, 400, 204});
    const webhook::endpoint_options patient{.id = "patient",
                                            .retry = webhook::retry_options{.delays = {0s, 48h}}};
    {
        send_bed before(w, o);
        before.add(target.url(), patient);
        before.publish("1");
        w.advance(5h - 1min);  // nothing happens that would note that it is there
    }
    CHECK(outbox->stats().owed == 1);
    send_bed after(w, std::move(o));
    after.add(target.url(), {.id = "other", .retry = webhook::retry_options{.delays = {0s}}});
    after.publish("2");  // is given up at once
    CHECK(after.attempts.back().endpoint == "other");
    after.add(target.url(), patient);
    w.run_ready();
    CHECK(outbox->stats().owed == 1);
    w.advance(48h);
    CHECK(bodies_of(target) == texts{"1", "2", "1"});
}

}  // namespace tidings::test
