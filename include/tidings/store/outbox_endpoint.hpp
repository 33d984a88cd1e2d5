// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox_entry.hpp>
#include <tidings/store/outbox_limits.hpp>

namespace tidings::store {

/// How an endpoint does, as its sender knows it. Written by the sender, kept across restarts.
struct outbox_health {
    std::uint32_t failures = 0;  ///< in a row
    std::optional<outbox_time> failing_since{};
    std::optional<outbox_time> last_success{};
    std::uint32_t trips = 0;        ///< how often in a row the circuit opened; 0: it is closed
    outbox_time probe_at{};         ///< where it is open: when one attempt is made
    outbox_time paused_until{};     ///< nothing is sent before
    error_code disabled{};          ///< why it takes nothing and is sent nothing; empty: it is not
    std::string disabled_reason{};  ///< the same for people
    outbox_time disabled_since{};
    std::uint64_t accepted = 0, delivered = 0, failed_attempts = 0, dead = 0;  ///< counted so far
};

/// An endpoint's row.
struct outbox_endpoint {
    std::string id{};
    std::string owner{};                    ///< for `async_erase`
    std::optional<outbox_limits> limits{};  ///< none: `outbox_options::each`
    std::string history{};                  ///< where it began: nothing before this is owed to it
    position began{};
    outbox_health health{};
    outbox_time added{};  ///< given by the outbox: when it was last known to be added to a sender
};

/// The same with what is held of it, for looking.
struct outbox_endpoint_listed {
    outbox_endpoint row{};
    std::size_t owed = 0;  ///< pending, claimed and stopped
    std::size_t owed_bytes = 0;
    std::size_t dead = 0;
    std::optional<outbox_time> oldest{};  ///< when the oldest of what is owed was appended
};

}  // namespace tidings::store
