// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <string>
#include <string_view>

namespace tidings::detail {

/// SHA-1 (FIPS 180-4), 20 bytes, for the WebSocket handshake; it protects nothing. Empty if the
/// cryptographic library refuses SHA-1.
TIDINGS_DECL std::string sha1(std::string_view bytes);

}  // namespace tidings::detail
