// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/websocket/impl/closing.hpp>

namespace tidings::websocket::detail {

using namespace tidings::detail;

closing_action closing::go(closing_state to, closing_action a) noexcept {
    state_.store(to, std::memory_order_release);
    return a;
}

// RFC 6455 7.1.1: the server ends the TCP connection first, so that it holds the TIME_WAIT state.
closing_action closing::await_end() noexcept {
    const bool server = role_ == websocket_role::server;
    return go(closing_state::awaiting_end,
              server ? closing_action::shut_down : closing_action::start_deadline);
}

closing_action closing::resume(closing_event e) noexcept {
    const auto now = state();
    if (now == closing_state::ended) return closing_action::none;
    if (e == closing_event::aborted) return go(closing_state::ended, closing_action::end);
    const bool ends_reading = e == closing_event::close_received || e == closing_event::failed;
    switch (now) {
        case closing_state::open:
            if (e == closing_event::close_asked)
                return go(closing_state::saying, closing_action::send_close);
            if (ends_reading) return go(closing_state::finishing, closing_action::send_close);
            if (e == closing_event::peer_ended)
                return go(closing_state::ended, closing_action::end);
            break;
        case closing_state::saying:
            if (ends_reading) return go(closing_state::finishing, closing_action::none);
            if (e == closing_event::output_sent)
                return go(closing_state::awaiting_close, closing_action::start_deadline);
            if (e == closing_event::peer_ended)
                return go(closing_state::last_words, closing_action::none);
            break;
        case closing_state::finishing:
            if (e == closing_event::output_sent) return await_end();
            if (e == closing_event::peer_ended)
                return go(closing_state::last_words, closing_action::none);
            break;
        case closing_state::awaiting_close:
            if (ends_reading) return await_end();
            [[fallthrough]];
        case closing_state::awaiting_end:
            if (e == closing_event::peer_ended || e == closing_event::timed_out)
                return go(closing_state::ended, closing_action::end);
            break;
        case closing_state::last_words:
            if (e == closing_event::output_sent)
                return go(closing_state::ended, closing_action::end);
            break;
        case closing_state::ended:
            break;
    }
    return closing_action::none;
}

// What the peer says will not change by asking again. A message that was too large for the peer
// (1009) is not sent again; one that is too large for us would come again.
bool is_final(const close_reason& why) noexcept {
    const auto code = why.code;
    return code == 1000 || code == 1002 || code == 1003 || code == 1007 ||
           (code == 1008 && !why.error) || (code == 1009 && why.error) || code == 1010 ||
           (code >= 4500 && code <= 4999);
}

}  // namespace tidings::websocket::detail
