// SPDX-License-Identifier: BSL-1.0
// What an endpoint that has ended leaves behind: no timer that keeps the context running.
#include "support/webhook_bed.hpp"

#include <tidings/webhook/impl/sender_state.hpp>

#include <boost/asio/bind_executor.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

const webhook::retry_options hourly{.delays = {0s, 1h, 1h}, .jitter = 0};

/// Whether within minutes, those of a connection that is kept, nothing waits for the clock.
bool comes_to_rest(world& w) {
    const auto until = w.clock().now() + 5min;
    w.run_ready();
    while (const auto next = w.clock().next_deadline()) {
        if (*next > until) return false;
        w.advance(std::chrono::duration_cast<std::chrono::milliseconds>(*next - w.clock().now()));
    }
    return true;
}

/// One endpoint, which something is owed to, and which waits for long.
struct timers_bed {
    timers_bed() {
        target.answer = [this](http::exchange& x) {
            if (holds) return held.push_back(std::move(x));
            if (fails) return x.respond({.status = 404});
            x.respond({.status = 200, .fields = {{"WebHook-Allowed-Origin", allowed}}});
        };
    }
    void add(webhook::endpoint_options o) {
        o.url = target.url();
        o.secret = webhook_secret;
        o.owner = "owner";
        error_code ec;
        state = bed.sender->state()->add(std::move(o), ec);
        REQUIRE(state);
        hook = bed.hub->subscribe(">", webhook::endpoint(state));
    }
    void ask() {
        add({.consent = webhook::consent_request{"hub.example.com"}});
        bed.publish();
    }
    void erase() {
        bed.sender->async_erase("owner", net::bind_executor(w.io(), [](error_code) {}));
    }
    std::size_t owed() const { return static_cast<std::size_t>(bed.published); }
    std::size_t asked() const {
        return static_cast<std::size_t>(
            std::count_if(target.requests.begin(), target.requests.end(),
                          [](const auto& r) { return r.method == "OPTIONS"; }));
    }

    world w;
    send_bed bed{w};
    world_sink target{w};
    std::string allowed = "none";
    bool holds = false, fails = false;
    std::vector<http::exchange> held;
    std::shared_ptr<webhook::detail::endpoint_state> state;
    subscription hook;
};

}  // namespace

TEST_CASE("an endpoint that has ended while it waits for something leaves no timer", "[webhook]") {
    const std::string for_what = GENERATE("consent", "rate", "retry");
    const std::string end = GENERATE("erased", "closed", "withdrawn", "its sender ends");
    CAPTURE(for_what, end);
    timers_bed b;
    if (for_what == "consent") {
        b.ask();
        for (int i = 0; i < 6; ++i) b.w.advance(1h);
        CHECK(b.asked() > 5);
    } else if (for_what == "rate") {
        b.add({.rate = {.per_second = 1.0 / 3600}});
        for (int i = 0; i < 4; ++i) b.bed.publish();
    } else {
        b.fails = true;
        b.add({.retry = hourly});
        for (int i = 0; i < 4; ++i) b.bed.publish();
    }
    REQUIRE_FALSE(comes_to_rest(b.w));
    const auto before = b.target.requests.size();
    if (end == "erased") b.erase();
    if (end == "closed") b.state->close();
    if (end == "withdrawn") b.state->withdraw();
    if (end == "its sender ends") b.bed.sender.reset();
    CHECK(comes_to_rest(b.w));
    CHECK(b.target.requests.size() == before);
    if (end == "closed") CHECK(b.state->counters().dead == (for_what == "rate" ? 3 : b.owed()));
}

TEST_CASE("what an endpoint that has ended is owed later is given up at once, however much it is",
          "[webhook]") {
    const std::string end = GENERATE("closed", "gone", "closed while one is sent");
    CAPTURE(end);
    timers_bed b;
    b.fails = true;
    b.add({.retry = hourly});
    for (int i = 0; i < 600; ++i) b.bed.hub->publish("a", event("test", "/test", "x"));
    b.w.run_ready();
    REQUIRE(b.bed.sender->outbox()->stats().owed == 600);
    REQUIRE_FALSE(comes_to_rest(b.w));
    b.holds = end != "closed";
    b.bed.publish();
    REQUIRE(b.held.size() == (end == "closed" ? 0 : 1));
    if (end != "gone") b.state->close();
    for (auto& x : b.held) x.respond({.status = end == "gone" ? 410u : 500u});
    b.held.clear();
    CHECK(comes_to_rest(b.w));
    CHECK(b.bed.sender->outbox()->stats().owed == 0);
    CHECK(b.state->counters().dead == 601);
    for (const auto& l : listed(b.w, *b.bed.sender->outbox())) {
        CHECK(l.state == store::outbox_state::dead);
        CHECK(l.entry.last_error == (end == "gone" ? errc::webhook_gone : errc::closed));
    }
}

TEST_CASE("a question for consent ends with what it was asked for", "[webhook]") {
    timers_bed b;
    b.holds = true;
    b.ask();
    REQUIRE(b.held.size() == 1);
    b.erase();
    b.w.run_ready();
    b.held.clear();
    CHECK(comes_to_rest(b.w));
    CHECK(b.asked() == 1);
    CHECK(b.state->consent() == errc::undecided);
    CHECK(b.bed.sender->outbox()->stats().owed == 0);
    // It is there still, and asked for what comes.
    b.holds = false;
    b.allowed = "*";
    b.bed.publish();
    CHECK(b.asked() == 2);
    CHECK_FALSE(b.state->consent());
    CHECK(b.state->counters().delivered == 1);
}

TEST_CASE("an endpoint without consent whose owner was erased is asked again at its time",
          "[webhook]") {
    timers_bed b;
    b.ask();
    REQUIRE(b.asked() == 1);
    b.erase();
    b.w.advance(30s);
    b.bed.publish();
    CHECK(b.asked() == 1);
    b.allowed = "*";
    b.w.advance(31s);
    CHECK(b.asked() == 2);
    CHECK(b.state->counters().delivered == 1);
}

}  // namespace tidings::test
