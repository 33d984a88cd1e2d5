// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/immediate_list.hpp>
#include <tidings/lane/impl/lane_target.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::detail {

class lane;
class queue_subscription;

/// The subscriptions of one pattern, grouped by the way of delivering. What is not atomic is
/// guarded by the bus's mutex. Publishers read the immediate callbacks without it.
struct pattern_entry final : retirable {
    static constexpr std::size_t max_chunk = 256;
    /// What a dispatch may hold beyond the mutex is copied on write; lane targets stand in chunks,
    /// so that a copy is small however many there are.
    struct chunk {
        std::shared_ptr<lane> home;
        std::shared_ptr<const lane_targets> targets;
    };

    explicit pattern_entry(std::string_view text) : pattern(text) {}
    void reclaim() noexcept override { delete this; }

    immediate_list immediates;
    /// There are subscriptions that get events in the order in which the bus's mutex was taken.
    std::atomic<bool> ordered{false};
    const std::string pattern;
    std::vector<std::shared_ptr<queue_subscription>> queues;
    std::vector<chunk> chunks;

    bool empty() const noexcept { return immediates.empty() && queues.empty() && chunks.empty(); }
    void add(std::shared_ptr<queue_subscription> s);
    void add(const std::shared_ptr<lane>& l, std::shared_ptr<lane_target> t);
    void remove(const queue_subscription* s) noexcept;
    /// Without memory for a smaller list it stays, and ignores what comes.
    void remove(const std::shared_ptr<lane>& l, const lane_target* t) noexcept;

 private:
    void note_order() noexcept {
        ordered.store(!queues.empty() || !chunks.empty(), std::memory_order_release);
    }
};

}  // namespace tidings::detail
