// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <cstddef>
#include <cstdint>

namespace tidings {

/// How much a client holds of what it has received and its sink has not accepted yet. Beyond either
/// bound the client stops reading until there is room; what a read or an answer has brought by then
/// is still held. A sink that has no more than `deliver` has accepted what it did not drop.
///
/// A refusal that may be retried (`condition::retryable`: the history or an outlet with storage has
/// failed, no memory) stops the handing over: what is under way is awaited, then what was refused
/// is handed over again with the backoff of the client's `reconnect`, and the rest follows it. So
/// events that were handed over before the sink refused an earlier one may be taken first. An
/// outlet that had accepted such an event gets it again, under the same id. Any other refusal is
/// counted, and passed.
struct delivery_window {
    std::size_t max_events = 1024;
    std::size_t max_bytes = 4 * 1024 * 1024;  ///< of events by their footprint, and of positions
};

/// What became of the events that a client has received. Each number by itself is exact.
struct delivery_counters {
    std::uint64_t received = 0;  ///< with announcements such as a gap
    std::uint64_t accepted = 0;  ///< by the sink and by whatever stores the event behind it
    std::uint64_t refused = 0;   ///< for good, and passed
    std::uint64_t retried = 0;   ///< refusals after which an event was handed over again
};

}  // namespace tidings
