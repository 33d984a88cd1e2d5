// SPDX-License-Identifier: BSL-1.0
// A sender where memory runs out, at each allocation in turn.
#include "support/allocations.hpp"
#include "support/sparing_clock.hpp"
#include "support/webhook_bed.hpp"

#include <tidings/impl/finds_memory.hpp>
#include <tidings/webhook/async_signer.hpp>
#include <tidings/webhook/consent_request.hpp>

#include <algorithm>
#include <array>
#include <functional>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

/// A target that notes bodies, and needs no memory that could fail: nor does its network.
struct sparing_target {
    sparing_target(world& w, const io::environment& environment)
        : server(w.io(), {.environment = environment}) {
        server.mount("/hook", [this](http::exchange& x) {
            const sparing memory;
            const auto& r = x.request();
            if (r.method == "POST") bodies.push_back(r.body);
            if (holds) return held.push_back(std::move(x));
            if (r.method == "POST") return x.respond({.status = 204});
            x.respond({.status = 200, .fields = {{"WebHook-Allowed-Origin", allowed}}});
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
    std::string allowed = "none";
    bool holds = false;
    std::vector<http::exchange> held;
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
    auto endpoint = sender.endpoint(
        {.url = url_of(target.server, "/hook"), .secret = webhook_secret, .id = "e"});
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
    // What was repeated for want of memory is counted once.
    const auto taken =
        std::count_if(receipts.begin(), receipts.end(), [](const receipt& r) { return !r.error; });
    std::size_t succeeded = 0;
    for (const auto& c : counts_of(w, *sender.outbox(), "e")) succeeded += c.succeeded;
    CHECK(succeeded == static_cast<std::size_t>(taken) - missing);
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

namespace {

/// A sender with a target, on a clock whose waits find memory.
struct sparing_bed {
    explicit sparing_bed(std::size_t signers = 1) {
        auto o = webhook_options(w);
        o.environment.clock = &clock;
        o.signing.max_concurrent = signers;
        o.log = [](const log_record&) {};
        target.emplace(w, o.environment);
        hub.emplace(w.io(), bus_options{.clock = &clock});
        sender.emplace(w.io(), std::move(o));
    }
    webhook::endpoint add(webhook::endpoint_options o, std::string_view pattern = ">") {
        o.url = url_of(target->server, "/hook");
        if (!o.async_signer) o.secret = webhook_secret;
        auto e = sender->endpoint(std::move(o));
        hooks.push_back(hub->subscribe(pattern, e));
        w.run_ready();
        return e;
    }
    void publish(std::string_view text, std::string_view topic = "a") {
        hub->publish(topic, event("test", "/test", text));
        w.run_ready();
    }
    /// Does what `f` does, and what follows at once, where the n-th allocation fails. Whether one
    /// did.
    bool run_out(long n, const std::function<void()>& f) {
        const bool failed = runs_out_after(n, [&] {
            {
                const sparing memory;
                f();
            }
            w.run_ready();
        });
        w.run_ready();
        return failed;
    }
    void pass(std::chrono::seconds time) {
        for (auto passed = 0s; passed < time; passed += 10s) {
            clock.advance(10s);
            w.run_ready();
        }
    }
    void answer(unsigned status, http::fields fields = {}) {
        auto x = std::move(target->held.front());
        target->held.erase(target->held.begin());
        x.respond({.status = status, .fields = std::move(fields)});
    }

    sparing_clock clock;  // outlives the context, whose timers are its
    world w;
    std::optional<sparing_target> target;
    std::optional<bus> hub;
    std::optional<webhook::sender> sender;
    std::vector<subscription> hooks;
};

/// Calls `f(n)` for each allocation, until none has failed.
template <class F>
void at_each_allocation(F f) {
    bool failed = true;
    for (long n = 0; failed; ++n) {
        CAPTURE(n);
        REQUIRE(n < 2000);
        failed = f(n);
    }
}

/// Answers a question when the test says so, and needs no memory for it that could fail.
class sparing_signer final : public webhook::async_signer {
 public:
    void start_sign(webhook::signing_request, sign_handler done) override {
        const sparing memory;
        held.push_back(std::move(done));
    }
    bool sets(std::string_view) const noexcept override { return false; }
    void answer(error_code ec) {
        auto done = std::move(held.front());
        held.erase(held.begin());
        done(ec, ec ? http::fields() : http::fields{{"X-Signed", "yes"}});
    }
    std::vector<sign_handler> held;
};

}  // namespace

TEST_CASE(
    "an endpoint that asks to be spared gets what was claimed for it once, though memory "
    "runs out",
    "[webhook][fault-1]") {
    at_each_allocation([](long n) {
        sparing_bed b;
        b.add({});
        b.target->holds = true;
        for (int i = 0; i < 7; ++i) b.publish("event-" + std::to_string(i));
        REQUIRE(b.target->held.size() == 1);
        const bool failed = b.run_out(n, [&] {
            b.target->holds = false;
            b.answer(503, {{"Retry-After", "30"}});
        });
        b.pass(200s);
        for (int i = 0; i < 7; ++i) {
            const auto times = b.target->times("event-" + std::to_string(i));
            CAPTURE(i, times);
            CHECK(times >= 1);
            CHECK(times <= (i == 0 ? 3 : 1));
        }
        return failed;
    });
}

TEST_CASE("an endpoint whose waiting ends where memory runs out goes on all the same",
          "[webhook][fault-1]") {
    SECTION("for its rate") {
        at_each_allocation([](long n) {
            sparing_bed b;
            const std::string ids[]{"one of those with a name that is long",
                                    "two of those with a name that is long"};
            for (const auto& id : ids) b.add({.id = id, .rate = {.per_second = 0.1}});
            b.publish("event-1");
            b.publish("event-2");
            REQUIRE(b.target->times("event-2") == 0);
            const bool failed = b.run_out(n, [&] { b.clock.advance(10s); });
            b.pass(60s);
            CHECK(b.target->times("event-2") >= 2);
            return failed;
        });
    }
    SECTION("for its time to be asked again") {
        at_each_allocation([](long n) {
            sparing_bed b;
            b.add({.consent = webhook::consent_request{"hub.example.com"}});
            b.publish("event-1");
            b.target->allowed = "*";
            const bool failed = b.run_out(n, [&] { b.clock.advance(60s); });
            b.pass(180s);
            CHECK(b.target->times("event-1") >= 1);
            return failed;
        });
    }
    SECTION("for an answer to its question") {
        at_each_allocation([](long n) {
            sparing_bed b;
            b.target->holds = true;
            b.add({.consent = webhook::consent_request{"hub.example.com"}});
            b.publish("event-1");
            REQUIRE(b.target->held.size() == 1);
            b.target->allowed = "*";
            const bool failed = b.run_out(n, [&] {
                b.target->holds = false;
                b.answer(200, {{"WebHook-Allowed-Origin", "*"}});
            });
            b.pass(180s);
            CHECK(b.target->times("event-1") >= 1);
            return failed;
        });
    }
    SECTION("for its consent by the callback") {
        at_each_allocation([](long n) {
            sparing_bed b;
            auto e = b.add({.consent = webhook::consent_request{"hub.example.com"}});
            b.publish("event-1");
            bool granted = false;
            const bool failed = runs_out_after(n, [&] {
                e.grant();
                granted = true;
                b.w.run_ready();
            });
            if (!granted) e.grant();
            b.w.run_ready();
            b.pass(30s);  // before it is asked again
            CHECK(b.target->times("event-1") >= 1);
            return failed;
        });
    }
}

TEST_CASE("an endpoint whose signature comes where memory runs out goes on all the same",
          "[webhook][fault-1]") {
    const error_code why = GENERATE(error_code(), error_code(errc::webhook_signing_failed));
    CAPTURE(why);
    at_each_allocation([&](long n) {
        sparing_bed b;
        const auto signer = std::make_shared<sparing_signer>();
        for (const auto* id :
             {"one of those with a name that is long", "two of those with a name that is long"})
            b.add({.async_signer = signer, .id = id});
        b.publish("event-1");
        REQUIRE(signer->held.size() == 1);  // the other waits until this one is answered
        const bool failed = b.run_out(n, [&] { signer->answer(why); });
        for (int i = 0; i < 12; ++i) {
            while (!signer->held.empty()) {
                signer->answer({});
                b.w.run_ready();
            }
            b.pass(10s);
        }
        CHECK(b.target->times("event-1") >= 2);
        return failed;
    });
}

}  // namespace tidings::test
