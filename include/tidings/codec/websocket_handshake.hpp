// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>
#include <tidings/errc.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tidings {

/// The `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key` (RFC 6455 4.2.2, step 5.4): the
/// base64 of the SHA-1 of the key, as it stands, and a fixed GUID. Empty, which is never a correct
/// answer, if the cryptographic library refuses SHA-1.
[[nodiscard]] TIDINGS_DECL std::string websocket_accept(std::string_view key);

/// The `Sec-WebSocket-Key` of a client: base64 of 16 bytes that must be random, and fresh for each
/// connection (RFC 6455 4.1, item 7).
[[nodiscard]] TIDINGS_DECL std::string make_websocket_key(std::span<const std::byte, 16> random);

/// Whether a `Sec-WebSocket-Key` is the base64 of 16 bytes (RFC 6455 4.2.1, item 5). The four bits
/// that the last digit has too many may be anything: decoders differ on it, and no meaning is lost.
/// @error errc::ws_bad_key.
[[nodiscard]] TIDINGS_DECL error_code check_websocket_key(std::string_view key) noexcept;

/// The first subprotocol in a `Sec-WebSocket-Protocol` of a client that the server supports, or
/// none: then the answer has no such header (RFC 6455 4.2.2, step 5.5). The client's order is its
/// preference (4.1, item 10); names are compared case by case. Of a field that occurs several
/// times, join the values with commas.
[[nodiscard]] TIDINGS_DECL std::optional<std::string> choose_subprotocol(
    std::string_view offered, std::span<const std::string_view> supported);

}  // namespace tidings
