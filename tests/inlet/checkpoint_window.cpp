// SPDX-License-Identifier: BSL-1.0
// How far a client's events are accepted, without a client.
#include "support/catch2.hpp"

#include <tidings/inlet/impl/checkpoint_window.hpp>

#include <random>
#include <string>
#include <vector>

namespace tidings::detail {

namespace {

using verdict = delivery_verdict;
const error_code ok, transient = errc::history_failed, permanent = errc::hop_limit;

event_ptr some_event(std::string_view data = "x") {
    error_code ec;
    return publication::make("a", event("t", "/s", data), {}, ec);
}

struct machine {
    explicit machine(delivery_window bounds = {}, std::optional<std::string> start = {})
        : under_test(bounds, std::move(start)) {}
    /// So many events, at the positions "1", "2", ...
    void add(int count) {
        for (int i = 0; i < count; ++i)
            under_test.add(some_event(), std::to_string(under_test.size() + 1));
    }
    std::vector<checkpoint_window::slot> hand_all() {
        std::vector<checkpoint_window::slot> all;
        for (;;) {
            const auto h = under_test.next();
            if (!h.event) return all;
            all.push_back(h.at);
        }
    }
    void stop() {
        while (under_test.stop()) {
        }
    }
    std::string reached() const { return under_test.reached().value_or("none"); }
    checkpoint_window under_test;
};

}  // namespace

TEST_CASE("the checkpoint is the end of the contiguous prefix that is done", "[inlet]") {
    machine m({}, "start");
    m.add(4);
    CHECK(m.reached() == "start");
    const auto slots = m.hand_all();
    REQUIRE(slots.size() == 4);
    CHECK(m.under_test.complete(slots[1], ok) == verdict::accepted);
    CHECK(m.under_test.complete(slots[2], permanent) == verdict::passed);
    CHECK(m.reached() == "start");
    CHECK(m.under_test.size() == 4);
    CHECK(m.under_test.complete(slots[0], ok) == verdict::accepted);
    CHECK(m.reached() == "3");
    CHECK(m.under_test.size() == 1);
    CHECK(m.under_test.complete(slots[3], errc::overflow) == verdict::passed);
    CHECK(m.reached() == "4");
    CHECK(m.under_test.bytes() == 0);
}

TEST_CASE("a heartbeat never overtakes an event, and takes no room", "[inlet]") {
    machine m;
    m.under_test.pass("0");
    CHECK(m.reached() == "0");
    m.add(2);
    const auto slots = m.hand_all();
    const auto bytes = m.under_test.bytes();
    for (int i = 0; i < 1000; ++i) m.under_test.pass("beat" + std::to_string(i % 10));
    CHECK(m.under_test.size() == 2);
    CHECK(m.under_test.bytes() < bytes + 10);
    CHECK(m.reached() == "0");
    m.under_test.complete(slots[1], ok);
    CHECK(m.reached() == "0");
    m.under_test.complete(slots[0], ok);
    CHECK(m.reached() == "beat9");
    CHECK(m.under_test.bytes() == 0);
}

TEST_CASE("an event without a position does not move the checkpoint, but holds it", "[inlet]") {
    machine m;
    m.under_test.add(some_event(), "1");
    m.under_test.add(some_event(), std::nullopt);
    m.under_test.add(some_event(), "3");
    const auto slots = m.hand_all();
    m.under_test.complete(slots[2], ok);
    m.under_test.complete(slots[0], ok);
    CHECK(m.reached() == "1");
    m.under_test.complete(slots[1], ok);
    CHECK(m.reached() == "3");
}

TEST_CASE("every answer in every state of an event has one verdict", "[inlet]") {
    const std::string state = GENERATE("waiting", "handed", "accepted", "refused", "retried");
    const error_code answer = GENERATE(values<error_code>(
        {{}, errc::history_failed, errc::out_of_memory, errc::hop_limit, errc::closed}));
    CAPTURE(state, answer.message());
    machine m;
    m.add(2);  // the first stays under way, so that nothing leaves
    m.under_test.next();
    checkpoint_window::slot at = 1;
    if (state != "waiting") m.under_test.next();
    if (state == "accepted") m.under_test.complete(at, ok);
    if (state == "refused" || state == "retried") m.under_test.complete(at, transient);
    if (state == "retried") CHECK(m.under_test.retry() == 1);
    const auto v = m.under_test.complete(at, answer);
    if (state != "handed")
        CHECK(v == verdict::late);
    else
        CHECK(v == (!answer                          ? verdict::accepted
                    : answer == errc::closed         ? verdict::closed
                    : answer == condition::retryable ? verdict::held
                                                     : verdict::passed));
    CHECK(m.under_test.complete(77, answer) == verdict::late);
    CHECK(m.reached() == "none");
}

TEST_CASE("a refusal that may be retried holds everything behind it, in order", "[inlet]") {
    machine m;
    m.add(5);
    const auto first = m.under_test.next(), second = m.under_test.next();
    CHECK(m.under_test.complete(first.at, transient) == verdict::held);
    CHECK_FALSE(m.under_test.next().event);
    CHECK_FALSE(m.under_test.wants_retry());  // the second is under way
    CHECK(m.under_test.complete(second.at, transient) == verdict::held);
    CHECK(m.under_test.wants_retry());
    CHECK(m.under_test.retry() == 2);
    CHECK_FALSE(m.under_test.wants_retry());
    CHECK(m.hand_all() == std::vector<checkpoint_window::slot>{0, 1, 2, 3, 4});
    for (checkpoint_window::slot s = 0; s < 5; ++s) m.under_test.complete(s, ok);
    CHECK(m.reached() == "5");
}

TEST_CASE("a window is bounded by events and by what they hold", "[inlet]") {
    machine m({.max_events = 3, .max_bytes = 10'000});
    m.add(2);
    CHECK(m.under_test.has_room());
    m.add(1);
    CHECK_FALSE(m.under_test.has_room());
    const auto slots = m.hand_all();
    // What is done behind one that is not still takes its place: its position is kept.
    m.under_test.complete(slots[1], ok);
    m.under_test.complete(slots[2], ok);
    CHECK_FALSE(m.under_test.has_room());
    m.under_test.complete(slots[0], ok);
    CHECK(m.under_test.has_room());
    m.under_test.add(some_event(std::string(10'000, 'x')), "4");
    CHECK_FALSE(m.under_test.has_room());
    m.under_test.complete(m.under_test.next().at, ok);
    CHECK(m.under_test.has_room());
    m.under_test.add(some_event(), std::string(10'000, 'p'));
    CHECK_FALSE(m.under_test.has_room());
}

TEST_CASE("after a stop only what was under way without a hole before it counts", "[inlet]") {
    machine m;
    m.add(4);
    const auto first = m.under_test.next(), second = m.under_test.next(),
               third = m.under_test.next();
    SECTION("what waits is forgotten") {
        m.stop();
        m.under_test.pass("beat");
        CHECK_FALSE(m.under_test.next().event);
        for (const auto& h : {third, second, first}) m.under_test.complete(h.at, ok);
        CHECK(m.reached() == "3");
        CHECK(m.under_test.bytes() == 0);
    }
    SECTION("what stands behind a refusal is forgotten") {
        m.under_test.complete(second.at, transient);
        m.stop();
        CHECK_FALSE(m.under_test.wants_retry());
        CHECK(m.under_test.complete(third.at, ok) == verdict::late);
        CHECK(m.under_test.complete(first.at, ok) == verdict::accepted);
        CHECK(m.reached() == "1");
    }
    SECTION("a position behind all that is under way counts") {
        m.under_test.next();
        m.stop();
        m.under_test.pass("beat");
        for (checkpoint_window::slot s = 0; s < 4; ++s) m.under_test.complete(s, ok);
        CHECK(m.reached() == "beat");
    }
}

TEST_CASE("whatever the order of the answers, no event that is not done is passed", "[inlet]") {
    std::mt19937 random(7);
    for (int round = 0; round < 200; ++round) {
        machine m({.max_events = 8});
        std::vector<bool> done;
        std::vector<checkpoint_window::slot> under_way;
        for (int step = 0; step < 200; ++step) {
            const auto what = random() % 4;
            if (what == 0 && m.under_test.has_room()) {
                m.under_test.add(some_event(), std::to_string(done.size()));
                done.push_back(false);
            } else if (what == 1) {
                if (const auto h = m.under_test.next(); h.event) under_way.push_back(h.at);
            } else if (what == 2 && !under_way.empty()) {
                const auto i = random() % under_way.size();
                const auto at = under_way[i];
                under_way.erase(under_way.begin() + static_cast<std::ptrdiff_t>(i));
                const auto ec = random() % 3 == 0 ? transient : ok;
                m.under_test.complete(at, ec);
                done[at] = !ec;
            } else if (what == 3 && m.under_test.wants_retry()) {
                m.under_test.retry();
            }
            std::size_t prefix = 0;
            while (prefix < done.size() && done[prefix]) ++prefix;
            REQUIRE(m.reached() == (prefix == 0 ? "none" : std::to_string(prefix - 1)));
        }
    }
}

TEST_CASE("a window of nothing has room for one event", "[inlet]") {
    machine m({.max_events = 0, .max_bytes = 0});
    CHECK(m.under_test.has_room());
    m.add(1);
    CHECK_FALSE(m.under_test.has_room());
}

TEST_CASE("what a sink cannot take is passed, handed over or refused before", "[inlet]") {
    machine m;
    m.add(3);
    const auto slots = m.hand_all();
    event_ptr gone;
    CHECK(m.under_test.complete(slots[0], transient) == verdict::held);
    CHECK(m.under_test.abandon(slots[0], gone) == verdict::passed);
    CHECK(gone);
    CHECK(m.reached() == "1");
    CHECK(m.under_test.abandon(slots[0], gone) == verdict::late);
    CHECK(m.under_test.abandon(slots[1], gone) == verdict::passed);
    CHECK(m.under_test.complete(slots[1], ok) == verdict::late);
    CHECK(m.reached() == "2");
    CHECK_FALSE(m.under_test.wants_retry());
    CHECK(m.under_test.complete(slots[2], transient) == verdict::held);
    CHECK(m.under_test.wants_retry());
    CHECK(m.under_test.retry() == 1);
    CHECK(m.under_test.abandon(slots[2], gone) == verdict::late);  // it waits
    CHECK(m.under_test.bytes() > 0);
}

TEST_CASE("a second stop changes nothing", "[inlet]") {
    machine m({}, "start");
    m.add(2);
    const auto slots = m.hand_all();
    m.stop();
    CHECK(m.under_test.complete(slots[0], transient) != verdict::accepted);
    m.stop();
    CHECK(m.under_test.complete(slots[1], ok) == verdict::accepted);
}

}  // namespace tidings::detail
