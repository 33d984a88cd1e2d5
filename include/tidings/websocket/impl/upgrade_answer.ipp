// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/websocket_handshake.hpp>
#include <tidings/text/impl/header_tokens.hpp>
#include <tidings/websocket/impl/upgrade_answer.hpp>

#include <algorithm>

namespace tidings::websocket::detail {

using namespace tidings::detail;

std::vector<std::string> offered_subprotocols(const client_options& o) {
    if (!o.subprotocols.empty() || !o.codec) return o.subprotocols;
    const std::string own(o.codec->subprotocol());
    return own.empty() ? std::vector<std::string>() : std::vector{own};
}

error_code check_upgrade_answer(const http::response& r, std::string_view key,
                                const std::vector<std::string>& offered) {
    if (r.status != 101) return errc::ws_refused;
    if (!tidings::detail::header_has_token(r.fields.joined("upgrade"), "websocket") ||
        !tidings::detail::header_has_token(r.fields.joined("connection"), "upgrade") ||
        r.fields.find("sec-websocket-extensions"))
        return errc::ws_bad_handshake;
    // Of a field that must stand once no reader may pick the value it likes.
    for (const auto* name : {"sec-websocket-accept", "sec-websocket-protocol"})
        if (r.fields.count(name) > 1) return errc::ws_bad_handshake;
    if (r.fields.get("sec-websocket-accept") != websocket_accept(key)) return errc::ws_bad_key;
    const auto chosen = r.fields.find("sec-websocket-protocol");
    const bool agreed =
        !chosen || std::find(offered.begin(), offered.end(), *chosen) != offered.end();
    return agreed ? error_code() : errc::ws_bad_subprotocol;
}

}  // namespace tidings::websocket::detail
