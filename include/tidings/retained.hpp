// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tidings {

/// Of which topics a bus keeps the newest event (`bus_options::retained`), for subscriptions that
/// ask for the present state (`subscribe_options::retained`). A topic goes by the first rule whose
/// pattern it matches. Where a bound is reached the value that was published first goes.
///
/// An event without data whose extension `retain` is false, `event("light", "/hall")
/// .extension("retain", false)`, is delivered as any other, and removes what was kept of its topic;
/// so does `bus::forget`.
struct retained_rule {
    std::string pattern = ">";
    std::size_t max_topics = 0;                ///< 0: nothing is kept for this pattern
    std::size_t max_bytes = 64 * 1024 * 1024;  ///< the sum of `publication::footprint`
};

/// The extension of an event that removes a retained value.
inline constexpr std::string_view retain_extension = "retain";

/// What a bus retains.
struct retained_counters {
    std::size_t topics = 0;
    std::size_t bytes = 0;
    /// Values that went before a newer one, for a bound or for want of memory, ever. What a marker
    /// or `bus::forget` removes does not count.
    std::uint64_t evicted = 0;
};

}  // namespace tidings
