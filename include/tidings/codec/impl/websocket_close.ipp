// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/websocket_close.hpp>

#include <initializer_list>

namespace tidings {

std::uint16_t close_code_for(const error_code& ec) noexcept {
    if (!ec) return 1000;
    if (ec == errc::shutting_down) return 1001;
    if (ec == errc::too_large) return 1009;
    if (ec == errc::rate_limited) return 1013;
    for (const errc unreadable : {errc::invalid_utf8, errc::invalid_json, errc::ws_bad_message}) {
        if (ec == unreadable) return 1007;
    }
    const bool event = ec.category() == errc_category() &&
                       ec.value() >= static_cast<int>(errc::event_without_id) &&
                       ec.value() <= static_cast<int>(errc::event_bad_content_type);
    if (event) return 1007;
    if (ec == condition::closed) return 1000;
    if (ec == condition::protocol_violation) return 1002;
    if (ec == condition::unauthorized) return 1008;
    if (ec == condition::overflow) return 1013;
    return 1011;
}

}  // namespace tidings
