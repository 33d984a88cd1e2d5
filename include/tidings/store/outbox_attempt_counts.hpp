// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox_entry.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

namespace tidings::store {

/// A minute in UTC, named by its beginning.
using outbox_minute = std::chrono::sys_time<std::chrono::minutes>;

/// How often the entries of one endpoint were attempted in one minute, whether or not the attempts
/// are logged. A request with several entries counts for each.
struct outbox_attempt_counts {
    static constexpr std::size_t latency_classes = 16;

    outbox_minute minute{};
    std::uint32_t succeeded = 0, failed = 0;
    // Of the attempts that succeeded:
    std::chrono::microseconds total{0};    ///< how long they took together
    std::chrono::microseconds longest{0};  ///< the slowest of them
    /// How many took at most 1 ms, at most 2 ms, 4 ms and so on to 16,384 ms, each without those
    /// before it; the last class has what took longer.
    std::array<std::uint32_t, latency_classes> latencies{};

    friend bool operator==(const outbox_attempt_counts&, const outbox_attempt_counts&) = default;
};

/// Minutes of an endpoint to look at.
struct outbox_counts_selection {
    std::string endpoint{};
    outbox_time after = outbox_time::min();   ///< only minutes that begin later
    outbox_time before = outbox_time::max();  ///< only minutes that begin earlier
    std::size_t max_minutes = std::size_t{24} * 60;
};

}  // namespace tidings::store
