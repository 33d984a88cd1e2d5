// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <chrono>
#include <cstdint>

namespace tidings::webhook {

/// When a sender spares an endpoint that fails, and when it disables it.
struct health_options {
    /// So many attempts in a row without an answer, or with 5xx, 408 or 429, open the circuit: the
    /// endpoint is sent nothing until one attempt probes it. 0: never. Other answers close it.
    std::uint32_t open_after = 10;
    /// The wait before the first probe; doubled after each probe that fails.
    std::chrono::milliseconds open_for{30'000};
    std::chrono::milliseconds max_open_for = std::chrono::hours(1);
    /// An endpoint is disabled when so many attempts in a row failed, whatever the answer, and the
    /// first of them so long ago. 0: never.
    std::uint32_t disable_after = 50;
    std::chrono::milliseconds disable_after_time = std::chrono::hours(24 * 5);
    /// How often one attempt probes an endpoint that is disabled: success enables it again.
    std::chrono::milliseconds disabled_probe = std::chrono::hours(24);
    /// How long a success lets an endpoint use all connections; without one, and after a failure,
    /// it shares half of them with all others like it.
    std::chrono::milliseconds proven_for = std::chrono::hours(1);
};

}  // namespace tidings::webhook
