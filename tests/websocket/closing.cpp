// SPDX-License-Identifier: BSL-1.0
// The closing handshake's machine: every state, every event, both roles.
#include "support/catch2.hpp"

#include <tidings/websocket/impl/closing.hpp>

#include <map>
#include <ostream>
#include <utility>
#include <vector>

namespace tidings::websocket::detail {

namespace {

using state = closing_state;
using event = closing_event;
using action = closing_action;

constexpr state all_states[] = {state::open,      state::saying,       state::awaiting_close,
                                state::finishing, state::awaiting_end, state::last_words,
                                state::ended};
constexpr event all_events[] = {event::close_asked, event::close_received, event::failed,
                                event::output_sent, event::peer_ended,     event::timed_out,
                                event::aborted};

/// Events that lead from the beginning to a state.
std::vector<event> way_to(state s) {
    switch (s) {
        case state::open:
            return {};
        case state::saying:
            return {event::close_asked};
        case state::awaiting_close:
            return {event::close_asked, event::output_sent};
        case state::finishing:
            return {event::close_received};
        case state::awaiting_end:
            return {event::close_received, event::output_sent};
        case state::last_words:
            return {event::close_asked, event::peer_ended};
        case state::ended:
            break;
    }
    return {event::aborted};
}

struct step {
    state to;
    action does;
};

/// What changes something. `leave` stands for what a role does once all is said.
std::map<std::pair<state, event>, step> table(action leave) {
    std::map<std::pair<state, event>, step> t{
        {{state::open, event::close_asked}, {state::saying, action::send_close}},
        {{state::open, event::close_received}, {state::finishing, action::send_close}},
        {{state::open, event::failed}, {state::finishing, action::send_close}},
        {{state::open, event::peer_ended}, {state::ended, action::end}},
        {{state::saying, event::close_received}, {state::finishing, action::none}},
        {{state::saying, event::failed}, {state::finishing, action::none}},
        {{state::saying, event::output_sent}, {state::awaiting_close, action::start_deadline}},
        {{state::saying, event::peer_ended}, {state::last_words, action::none}},
        {{state::awaiting_close, event::close_received}, {state::awaiting_end, leave}},
        {{state::awaiting_close, event::failed}, {state::awaiting_end, leave}},
        {{state::awaiting_close, event::peer_ended}, {state::ended, action::end}},
        {{state::awaiting_close, event::timed_out}, {state::ended, action::end}},
        {{state::finishing, event::output_sent}, {state::awaiting_end, leave}},
        {{state::finishing, event::peer_ended}, {state::last_words, action::none}},
        {{state::awaiting_end, event::peer_ended}, {state::ended, action::end}},
        {{state::awaiting_end, event::timed_out}, {state::ended, action::end}},
        {{state::last_words, event::output_sent}, {state::ended, action::end}},
    };
    for (const auto s : all_states)
        if (s != state::ended) t[{s, event::aborted}] = {state::ended, action::end};
    return t;
}

}  // namespace

TEST_CASE("every event in every state of a closing handshake does what it must",
          "[websocket][closing]") {
    const auto role = GENERATE(websocket_role::server, websocket_role::client);
    const auto steps =
        table(role == websocket_role::server ? action::shut_down : action::start_deadline);
    for (const auto s : all_states)
        for (const auto e : all_events) {
            CAPTURE(static_cast<int>(role), static_cast<int>(s), static_cast<int>(e));
            closing c(role);
            for (const auto before : way_to(s)) c.resume(before);
            REQUIRE(c.state() == s);
            const auto known = steps.find({s, e});
            const auto expected = known == steps.end() ? step{s, action::none} : known->second;
            CHECK(c.resume(e) == expected.does);
            CHECK(c.state() == expected.to);
            CHECK(c.is_open() == (expected.to == state::open));
            CHECK(c.has_ended() == (expected.to == state::ended));
        }
}

TEST_CASE("a client never ends the TCP connection before its deadline",
          "[websocket][closing][fault-7]") {
    closing c(websocket_role::client);
    CHECK(c.resume(event::close_asked) == action::send_close);
    CHECK(c.resume(event::output_sent) == action::start_deadline);
    CHECK(c.resume(event::close_received) == action::start_deadline);
    CHECK(c.resume(event::timed_out) == action::end);
}

}  // namespace tidings::websocket::detail
