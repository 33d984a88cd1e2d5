// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>
#include <tidings/errc.hpp>

#include <cstdint>

namespace tidings {

/// Whether a close frame may carry the code: 1000 to 1014 without 1004, 1005 and 1006 (RFC 6455
/// 7.4.1 and what IANA has registered since), and the ranges 3000 to 4999 (7.4.2).
[[nodiscard]] constexpr bool is_valid_close_code_for_wire(std::uint16_t code) noexcept {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

/// The code to close a WebSocket with (RFC 6455 7.4.1): 1000 for success and errc::closed, 1001
/// when shutting down, 1002 for a broken protocol, 1007 for a message that cannot be read, 1008 for
/// missing rights, 1009 for too much, 1013 for a bound that a later try may find free, and 1011 for
/// all that is not the peer's fault.
[[nodiscard]] TIDINGS_DECL std::uint16_t close_code_for(const error_code& ec) noexcept;

}  // namespace tidings
