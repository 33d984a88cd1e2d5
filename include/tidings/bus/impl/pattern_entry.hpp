// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/lane/impl/lane_target.hpp>

#include <memory>
#include <string>
#include <vector>

namespace tidings::detail {

class immediate_subscription;
class lane;
class queue_subscription;

/// The subscriptions of one pattern, grouped by the way of delivering. Guarded by the bus's mutex.
/// What a dispatch may hold beyond the mutex is copied on write; lane targets stand in
/// chunks, so that a copy is small however many there are.
struct pattern_entry {
    static constexpr std::size_t max_chunk = 256;
    using immediate_list = std::vector<std::shared_ptr<immediate_subscription>>;
    struct chunk {
        std::shared_ptr<lane> home;
        std::shared_ptr<const lane_targets> targets;
    };

    std::string pattern;
    std::shared_ptr<const immediate_list> immediates;
    std::vector<std::shared_ptr<queue_subscription>> queues;
    std::vector<chunk> chunks;

    bool empty() const noexcept { return !immediates && queues.empty() && chunks.empty(); }
    void add(std::shared_ptr<immediate_subscription> s);
    void add(const std::shared_ptr<lane>& l, std::shared_ptr<lane_target> t);
    void remove(const immediate_subscription* s);
    void remove(const queue_subscription* s) noexcept;
    void remove(const std::shared_ptr<lane>& l, const lane_target* t);
};

}  // namespace tidings::detail
