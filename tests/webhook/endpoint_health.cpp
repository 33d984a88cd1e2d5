// SPDX-License-Identifier: BSL-1.0
#include <tidings/webhook/impl/endpoint_health.hpp>

#include "support/catch2.hpp"

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using webhook::health_options;
using webhook::detail::endpoint_health;
using answer = endpoint_health::answer;
using change = endpoint_health::change;

store::outbox_time at(std::chrono::seconds s) {
    return store::outbox_time(1000h) + s;
}

health_options quick() {
    health_options o;
    o.open_after = 3;
    o.open_for = 10s;
    o.max_open_for = 35s;
    o.disable_after = 5;
    o.disable_after_time = 100s;
    o.disabled_probe = 1000s;
    return o;
}

/// Whether something may be sent then.
bool sends(const endpoint_health& h, std::chrono::seconds s) {
    return h.waits_until() <= at(s);
}

}  // namespace

TEST_CASE("failures in a row open the circuit, a probe closes it", "[webhook]") {
    endpoint_health h(quick(), 4);
    const auto why = GENERATE(answer::failing, answer::overloaded, answer::unreachable);
    CHECK(h.on_answer(why, at(0s)) == change::none);
    CHECK(h.on_answer(why, at(0s)) == change::none);
    CHECK(h.on_answer(answer::success, at(0s)) == change::none);
    for (int i = 0; i < 2; ++i) CHECK(h.on_answer(why, at(1s)) == change::none);
    CHECK(sends(h, 1s));
    CHECK(h.on_answer(why, at(1s)) == change::opened);
    CHECK_FALSE(sends(h, 10s));
    CHECK(sends(h, 11s));
    CHECK(h.max_in_flight() == 1);  // the probe
    CHECK(h.on_answer(answer::success, at(11s)) == change::closed);
    CHECK(sends(h, 11s));
    CHECK(h.row().trips == 0);
    CHECK(h.on_answer(why, at(12s)) == change::none);
}

TEST_CASE("an endpoint that lacks the proxy has one attempt at once until it succeeds",
          "[webhook]") {
    endpoint_health h(quick(), 4);
    CHECK(h.on_proxy_failure(at(0s)) == 1);
    h.wait_for_proxy(at(10s));
    CHECK_FALSE(sends(h, 9s));
    CHECK(h.on_proxy_failure(at(1s)) == 1);  // what was under way
    CHECK(h.max_in_flight() == 1);
    CHECK(sends(h, 10s));
    CHECK(h.on_proxy_failure(at(10s)) == 2);
    CHECK(h.on_answer(answer::success, at(11s)) == change::none);
    CHECK(h.max_in_flight() == 4);
}

TEST_CASE("others that get through the proxy end a wait for it the later the more often in vain",
          "[webhook]") {
    endpoint_health h(quick(), 4);
    auto now = 0s;
    for (const auto least : {5s, 10s, 20s}) {
        h.on_proxy_failure(at(now));
        h.wait_for_proxy(at(now + 1h));
        CHECK(h.end_proxy_wait(at(now + least - 1s)));
        CHECK_FALSE(sends(h, now + least));
        now += least;
        CHECK_FALSE(h.end_proxy_wait(at(now)));
        CHECK(sends(h, now));
        CHECK(h.max_in_flight() == 1);
    }
    h.on_answer(answer::success, at(now));
    h.on_proxy_failure(at(now));
    h.wait_for_proxy(at(now + 1h));
    CHECK_FALSE(h.end_proxy_wait(at(now + 5s)));
    CHECK(sends(h, now + 5s));
}

TEST_CASE("each probe that fails doubles the wait, up to its bound", "[webhook]") {
    auto options = quick();
    options.disable_after = 0;
    endpoint_health h(options, 1);
    for (int i = 0; i < 2; ++i) h.on_answer(answer::unreachable, at(0s));
    auto now = 0s;
    for (const auto wait : {10s, 20s, 35s, 35s}) {
        CHECK(h.on_answer(answer::unreachable, at(now)) == change::opened);
        CHECK_FALSE(sends(h, now + wait - 1s));
        now += wait;
        CHECK(sends(h, now));
    }
    for (int i = 0; i < 100; ++i) {
        h.on_answer(answer::unreachable, at(now));
        now += 35s;
        CHECK(sends(h, now));
    }
}

TEST_CASE("what was in flight when the circuit opened is no probe", "[webhook]") {
    endpoint_health h(quick(), 8);
    for (int i = 0; i < 3; ++i) h.on_answer(answer::unreachable, at(0s));
    CHECK(h.on_answer(answer::unreachable, at(5s)) == change::none);
    CHECK(h.row().trips == 1);
    CHECK(sends(h, 10s));
    // But a success shows that it is there.
    CHECK(h.on_answer(answer::success, at(6s)) == change::closed);
}

TEST_CASE("an answer that refuses the delivery never opens the circuit, and closes it",
          "[webhook]") {
    auto options = quick();
    options.disable_after = 0;
    endpoint_health h(options, 1);
    for (int i = 0; i < 50; ++i) CHECK(h.on_answer(answer::rejected, at(0s)) == change::none);
    CHECK(sends(h, 0s));
    for (int i = 0; i < 2; ++i) h.on_answer(answer::failing, at(0s));
    h.on_answer(answer::rejected, at(0s));
    CHECK(h.on_answer(answer::failing, at(0s)) == change::none);  // they were not in a row
    for (int i = 0; i < 2; ++i) h.on_answer(answer::failing, at(0s));
    CHECK_FALSE(sends(h, 0s));
    CHECK(h.on_answer(answer::rejected, at(10s)) == change::closed);
    CHECK(sends(h, 10s));
    options.open_after = 0;
    endpoint_health never(options, 1);
    for (int i = 0; i < 50; ++i) never.on_answer(answer::unreachable, at(0s));
    CHECK(sends(never, 0s));
}

TEST_CASE("an endpoint is disabled when it failed often and for long", "[webhook]") {
    auto options = quick();
    options.open_after = 0;
    endpoint_health h(options, 2);
    h.on_answer(answer::success, at(0s));
    // Often, but not for long.
    for (int i = 0; i < 20; ++i) CHECK(h.on_answer(answer::rejected, at(9s)) == change::none);
    CHECK(h.on_answer(answer::rejected, at(108s)) == change::none);
    CHECK(h.on_answer(answer::rejected, at(109s)) == change::disabled);
    CHECK(h.is_disabled());
    CHECK(h.row().disabled == errc::webhook_disabled);
    CHECK(h.row().disabled_reason == "22 attempts in a row have failed");
    CHECK(h.row().disabled_since == at(109s));
    CHECK(h.row().failing_since == at(9s));
    // For long, but not often.
    endpoint_health rare(options, 2);
    for (int i = 0; i < 4; ++i)
        CHECK(rare.on_answer(answer::failing, at(i * 100s)) == change::none);
    CHECK(rare.on_answer(answer::failing, at(401s)) == change::disabled);
}

TEST_CASE("an endpoint that is disabled is probed now and then, and enabled by success or a call",
          "[webhook]") {
    endpoint_health h(quick(), 4);
    h.disable(errc::outbox_full, "full", at(0s));
    CHECK_FALSE(sends(h, 999s));
    CHECK(sends(h, 1000s));
    CHECK(h.max_in_flight() == 1);
    CHECK(h.on_answer(answer::rejected, at(1000s)) == change::none);
    CHECK_FALSE(sends(h, 1999s));
    CHECK(h.on_answer(answer::success, at(2000s)) == change::recovered);
    CHECK_FALSE(h.is_disabled());
    CHECK(h.row().disabled_reason.empty());
    h.disable(errc::outbox_full, "full", at(0s));
    h.pause(at(50s));
    h.enable();
    CHECK_FALSE(h.is_disabled());
    CHECK(sends(h, 0s));
    CHECK(h.max_in_flight() == 4);
}

TEST_CASE("a pause holds whatever is answered meanwhile, and the longest counts", "[webhook]") {
    endpoint_health h(quick(), 2);
    h.pause(at(50s));
    h.pause(at(20s));
    h.on_answer(answer::overloaded, at(0s));
    h.on_answer(answer::success, at(1s));
    CHECK_FALSE(sends(h, 49s));
    CHECK(sends(h, 50s));
}

TEST_CASE("an endpoint is proven by a success that is not old, until it fails", "[webhook]") {
    endpoint_health h(quick(), 2);
    CHECK_FALSE(h.is_proven(at(0s)));
    h.on_answer(answer::success, at(0s));
    CHECK(h.is_proven(at(3599s)));
    CHECK_FALSE(h.is_proven(at(3600s)));
    h.on_answer(answer::success, at(3600s));
    h.on_answer(answer::rejected, at(3601s));
    CHECK_FALSE(h.is_proven(at(3602s)));
    h.on_answer(answer::success, at(3603s));
    CHECK(h.is_proven(at(3604s)));
}

TEST_CASE("a success that takes until a deadline proves nothing, and is no failure", "[webhook]") {
    endpoint_health h(quick(), 8);
    h.on_answer(answer::success, at(0s));
    for (int i = 0; i < 20; ++i) CHECK(h.on_answer(answer::slow, at(1s)) == change::none);
    CHECK_FALSE(h.is_proven(at(1s)));
    CHECK(h.max_in_flight() == 1);
    CHECK(sends(h, 1s));
    CHECK(h.row().failures == 0);
    CHECK(h.row().delivered == 21);
}

TEST_CASE("a window narrows by what overload tells, and not by other failures", "[webhook]") {
    auto options = quick();
    options.open_after = 0;
    endpoint_health h(options, 8);
    h.on_answer(answer::failing, at(0s));
    h.on_answer(answer::rejected, at(0s));
    CHECK(h.max_in_flight() == 8);
    h.on_answer(answer::overloaded, at(0s));
    CHECK(h.max_in_flight() == 4);
    h.on_answer(answer::unreachable, at(0s));
    CHECK(h.max_in_flight() == 2);
}

TEST_CASE("a health that is loaded goes on where it was", "[webhook]") {
    endpoint_health h(quick(), 4);
    for (int i = 0; i < 3; ++i) h.on_answer(answer::unreachable, at(0s));
    endpoint_health again(quick(), 4);
    again.load(h.row());
    CHECK_FALSE(sends(again, 9s));
    CHECK(sends(again, 10s));
    CHECK(again.max_in_flight() == 1);
    CHECK(again.on_answer(answer::unreachable, at(10s)) == change::opened);
    CHECK_FALSE(sends(again, 29s));
    CHECK(again.row().failures == 4);
    CHECK(again.row().failing_since == at(0s));
    CHECK(again.row().failed_attempts == 4);
}

}  // namespace tidings::test
