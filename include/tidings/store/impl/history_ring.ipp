// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/impl/history_ring.hpp>
#include <tidings/topic.hpp>

#include <algorithm>
#include <new>

namespace tidings::detail {

std::size_t history_ring::outgoing(io::steady_time now, std::size_t more,
                                   std::size_t more_bytes) const noexcept {
    auto left = items_.size() + more;
    auto bytes = bytes_ + more_bytes;
    std::size_t count = 0;
    for (const auto& oldest : items_) {
        const bool too_old = rule_.max_age.count() != 0 && now - oldest.time > rule_.max_age;
        const bool too_many = left > rule_.max_events || (bytes > rule_.max_bytes && left > 1);
        if (!too_old && !too_many) break;
        bytes -= oldest.event->footprint();
        --left;
        ++count;
    }
    return count;
}

void history_ring::open_place(std::size_t bytes, io::steady_time now,
                              std::vector<event_ptr>& gone) {
    const auto count = outgoing(now, 1, bytes);
    gone.reserve(gone.size() + count);
    items_.push_back({{}, now});
    bytes_ += bytes;
    evict(count, gone);
}

void history_ring::expire(io::steady_time now, std::vector<event_ptr>& gone) {
    const auto count = outgoing(now, 0, 0);
    gone.reserve(gone.size() + count);
    evict(count, gone);
}

// `gone` has room.
void history_ring::evict(std::size_t count, std::vector<event_ptr>& gone) noexcept {
    for (; count != 0; --count) {
        auto e = std::move(items_.front().event);
        bytes_ -= e->footprint();
        items_.pop_front();
        evicted_through_ = e->sequence();
        remember(e->topic(), evicted_through_);
        gone.push_back(std::move(e));
    }
}

void history_ring::remember(const std::string& topic, std::uint64_t sequence) noexcept {
    if (!evicted_order_.empty() && evicted_order_.back().topic == topic) {
        evicted_order_.back().sequence = sequence;
        return;
    }
    if (const auto known = evicted_topics_.find(topic); known != evicted_topics_.end()) {
        known->second->sequence = sequence;
        evicted_order_.splice(evicted_order_.end(), evicted_order_, known->second);
        return;
    }
    std::list<evicted_topic> added;
    try {
        added.push_back({topic, sequence});
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
    const auto it =
        std::upper_bound(items_.begin(), items_.end(), sequence,
                         [](std::uint64_t s, const item& i) { return s < i.event->sequence(); });
    return static_cast<std::size_t>(it - items_.begin());
}

}  // namespace tidings::detail
