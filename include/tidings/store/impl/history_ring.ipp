// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/impl/history_ring.hpp>
#include <tidings/topic.hpp>

#include <algorithm>
#include <new>

namespace tidings::detail {

// A ring that is full needs no more places than it keeps events.
void history_ring::grow() {
    constexpr std::size_t least = 16;
    auto larger = std::min(std::max(least, 2 * capacity_), rule_.max_events);
    larger = std::max(larger, capacity_ + 1);
    auto fresh = std::make_unique<item[]>(larger);
    for (std::size_t i = 0; i < size_; ++i) fresh[i] = std::move(items_[place_of(i)]);
    items_ = std::move(fresh);
    capacity_ = larger;
    first_ = 0;
}

void history_ring::expire(io::steady_time now, dropped_events& gone) {
    const auto count = outgoing(now, 0, 0);
    gone.reserve(gone.size() + count);
    evict(count, gone);
}

void history_ring::remember(std::string_view topic, std::uint64_t sequence) noexcept {
    if (const auto known = evicted_topics_.find(topic); known != evicted_topics_.end()) {
        known->second->sequence = sequence;
        evicted_order_.splice(evicted_order_.end(), evicted_order_, known->second);
        return;
    }
    std::list<evicted_topic> added;
    try {
        added.push_back({std::string(topic), sequence});
        evicted_topics_.emplace(added.front().topic, added.begin());
    } catch (const std::bad_alloc&) {
        forgotten_through_ = sequence;
        return;
    }
    evicted_order_.splice(evicted_order_.end(), added);
    if (evicted_order_.size() <= max_evicted_topics) return;
    const auto& oldest = evicted_order_.front();
    forgotten_through_ = std::max(forgotten_through_, oldest.sequence);
    evicted_topics_.erase(oldest.topic);
    evicted_order_.pop_front();
}

std::uint64_t history_ring::lost(std::uint64_t sequence,
                                 const std::vector<std::string>& patterns) const {
    if (evicted_through_ <= sequence) return 0;
    const auto any = [&](const auto& predicate) {
        return std::any_of(patterns.begin(), patterns.end(), predicate);
    };
    std::uint64_t newest = 0;
    if (forgotten_through_ > sequence &&
        any([&](const std::string& p) { return patterns_overlap(p, rule_.pattern); }))
        newest = forgotten_through_;
    for (auto it = evicted_order_.rbegin();
         it != evicted_order_.rend() && it->sequence > std::max(sequence, newest); ++it)
        if (any([&](const std::string& p) { return topic_matches(p, it->topic); }))
            return it->sequence;
    return newest;
}

std::size_t history_ring::first_after(std::uint64_t sequence) const noexcept {
    std::size_t first = 0;
    for (auto end = size_; first != end;) {
        const auto middle = first + (end - first) / 2;
        if ((*this)[middle].event->sequence() <= sequence)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

}  // namespace tidings::detail
