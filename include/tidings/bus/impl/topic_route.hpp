// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/pattern_entry.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tidings::detail {

/// The patterns that a topic matches, as long as none comes or goes that it matches.
struct route_match final : retirable {
    void reclaim() noexcept override { delete this; }
    /// Whether more than immediate callbacks stands under one of the patterns.
    bool has_lists() const noexcept {
        return std::any_of(entries.begin(), entries.end(), [](const pattern_entry* entry) {
            return entry->has_lists.load(std::memory_order_acquire);
        });
    }
    /// Until when it is known to be right. Written with the bus's mutex held.
    std::atomic<std::uint64_t> generation{0};
    std::uint64_t stamp = 0;        // see `pattern_stamps`
    pattern_entry* only = nullptr;  // where there is one, and the route is direct
    std::vector<pattern_entry*> entries{};
};

/// What a topic handle knows.
struct topic_route {
    topic_route(std::string t, std::uint64_t n, bool k, bool d) noexcept
        : topic(std::move(t)),
          id(n),
          kept(k),
          direct(d) {}
    topic_route(const topic_route&) = delete;
    topic_route& operator=(const topic_route&) = delete;
    ~topic_route() { delete match.load(std::memory_order_acquire); }

    const std::string topic;
    const std::uint64_t id;  ///< unique in the process
    const bool kept;         ///< a history covers it
    const bool direct;  ///< no history covers it, no metrics are kept of it, nor its last event
    /// Read in a `read_section`; replaced with the bus's mutex held.
    std::atomic<route_match*> match{nullptr};
};

}  // namespace tidings::detail
