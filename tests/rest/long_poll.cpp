// SPDX-License-Identifier: BSL-1.0
// Every event in every state of a long poll.
#include "support/catch2.hpp"

#include <tidings/rest/impl/long_poll.hpp>

#include <map>

namespace tidings::rest::detail {

namespace {

using state = poll_state;
using what = poll_event;
using action = poll_action;

constexpr state states[] = {state::reading_once, state::reading,      state::reading_again,
                            state::closing,      state::reading_last, state::waiting,
                            state::done};
constexpr what events[] = {what::slice_more, what::slice_found, what::slice_empty,
                           what::full,       what::read_failed, what::event_came,
                           what::bus_closed, what::time_over,   what::peer_left};

bool is(const poll_step& s, state next, action a) {
    return s.next == next && s.action == a;
}

}  // namespace

TEST_CASE("every event in every state of a long poll leads where it should", "[rest]") {
    const poll_step answered{state::done, action::answer};
    const poll_step refused{state::done, action::refuse};
    const auto stays = [](state s) { return poll_step{s, action::none}; };
    const auto reads = [](state s) { return poll_step{s, action::read}; };
    const std::map<std::pair<state, what>, poll_step> table{
        {{state::reading_once, what::slice_more}, reads(state::reading_once)},
        {{state::reading_once, what::slice_found}, answered},
        {{state::reading_once, what::slice_empty}, answered},
        {{state::reading_once, what::event_came}, stays(state::reading_once)},
        {{state::reading_once, what::bus_closed}, stays(state::reading_once)},
        {{state::reading, what::slice_more}, reads(state::reading)},
        {{state::reading, what::slice_found}, answered},
        {{state::reading, what::slice_empty}, stays(state::waiting)},
        {{state::reading, what::event_came}, stays(state::reading_again)},
        {{state::reading, what::bus_closed}, stays(state::closing)},
        {{state::reading_again, what::slice_more}, reads(state::reading)},
        {{state::reading_again, what::slice_found}, reads(state::reading)},
        {{state::reading_again, what::slice_empty}, reads(state::reading)},
        {{state::reading_again, what::event_came}, stays(state::reading_again)},
        {{state::reading_again, what::bus_closed}, stays(state::closing)},
        {{state::closing, what::slice_more}, reads(state::reading_last)},
        {{state::closing, what::slice_found}, reads(state::reading_last)},
        {{state::closing, what::slice_empty}, reads(state::reading_last)},
        {{state::closing, what::event_came}, stays(state::closing)},
        {{state::closing, what::bus_closed}, stays(state::closing)},
        {{state::reading_last, what::slice_more}, reads(state::reading_last)},
        {{state::reading_last, what::slice_found}, answered},
        {{state::reading_last, what::slice_empty}, refused},
        {{state::reading_last, what::event_came}, stays(state::reading_last)},
        {{state::reading_last, what::bus_closed}, stays(state::reading_last)},
        // Nothing is read while it waits.
        {{state::waiting, what::slice_more}, stays(state::waiting)},
        {{state::waiting, what::slice_found}, stays(state::waiting)},
        {{state::waiting, what::slice_empty}, stays(state::waiting)},
        {{state::waiting, what::event_came}, reads(state::reading)},
        {{state::waiting, what::bus_closed}, refused},
    };
    for (const auto now : states) {
        for (const auto e : events) {
            CAPTURE(static_cast<int>(now), static_cast<int>(e));
            const auto step = advance(now, e);
            if (now == state::done)
                CHECK(is(step, state::done, action::none));
            else if (e == what::full || e == what::time_over)
                CHECK(is(step, state::done, action::answer));
            else if (e == what::read_failed)
                CHECK(is(step, state::done, action::refuse));
            else if (e == what::peer_left)
                CHECK(is(step, state::done, action::stop));
            else
                CHECK(is(step, table.at({now, e}).next, table.at({now, e}).action));
        }
    }
}

TEST_CASE("a long poll ends exactly once, whatever happens", "[rest]") {
    // From each state, each event that does not end it leads to one that can still end.
    for (const auto now : states) {
        for (const auto e : events) {
            const auto step = advance(now, e);
            const bool ends = step.action == action::answer || step.action == action::refuse ||
                              step.action == action::stop;
            CHECK(ends == (now != state::done && step.next == state::done));
            if (step.action == action::read) CHECK(step.next != state::waiting);
        }
    }
}

}  // namespace tidings::rest::detail
