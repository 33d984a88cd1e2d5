// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/http/message.hpp>
#include <tidings/websocket/client.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace tidings::websocket::detail {

/// The subprotocols that a client offers: those it was given, else its codec's.
TIDINGS_DECL std::vector<std::string> offered_subprotocols(const client_options& o);

/// What the client checks of the answer to its handshake (RFC 6455 4.1; 11.3.3 and 11.3.4: fields
/// that stand once).
/// @error errc::ws_refused, errc::ws_bad_handshake, errc::ws_bad_key, errc::ws_bad_subprotocol
TIDINGS_DECL error_code check_upgrade_answer(const http::response& r, std::string_view key,
                                             const std::vector<std::string>& offered);

}  // namespace tidings::websocket::detail
