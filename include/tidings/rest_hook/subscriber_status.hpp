// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/io/clock.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace tidings::rest_hook {

/// Where a `subscriber_client` stands.
enum class subscriber_client_state : std::uint8_t {
    stopped,      ///< it was not started, or was stopped or closed
    loading,      ///< its row is being read or first written
    subscribing,  ///< the server is asked, or waited for
    pending,      ///< the server has the request, and has not seen its proof yet
    active,       ///< deliveries come; also while it is renewed
    denied,       ///< the server does not want it (any more); it is not asked again by itself
    failed,       ///< what was refused, or found in the row, would only repeat itself
};

struct subscriber_status {
    subscriber_client_state state = subscriber_client_state::stopped;
    std::optional<io::system_time> until{};  ///< the end of the lease; empty: none is known
    error_code error{};    ///< why it is denied or has failed, or what is tried again
    std::string reason{};  ///< the server's own words; at most 500 bytes
};

}  // namespace tidings::rest_hook
