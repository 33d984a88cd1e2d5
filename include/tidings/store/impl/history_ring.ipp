// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/impl/history_ring.hpp>
#include <tidings/topic.hpp>

#include <algorithm>

namespace tidings::detail {

void history_ring::push(event_ptr e, io::steady_time now, std::vector<event_ptr>& gone) {
    bytes_ += e->footprint();
    items_.push_back({std::move(e), now});
    while (items_.size() > rule_.max_events || (bytes_ > rule_.max_bytes && items_.size() > 1))
        evict_front(gone);
    expire(now, gone);
}

void history_ring::expire(io::steady_time now, std::vector<event_ptr>& gone) {
    if (rule_.max_age.count() == 0) return;
    while (!items_.empty() && now - items_.front().time > rule_.max_age) evict_front(gone);
}

void history_ring::evict_front(std::vector<event_ptr>& gone) {
    auto e = std::move(items_.front().event);
    bytes_ -= e->footprint();
    items_.pop_front();
    evicted_through_ = e->sequence();
    auto& last = evicted_topics_[e->topic()];
    if (last != 0) evicted_order_.erase(last);
    last = evicted_through_;
    evicted_order_.emplace(last, e->topic());
    if (evicted_order_.size() > max_evicted_topics) {
        const auto oldest = evicted_order_.begin();
        forgotten_through_ = oldest->first;
        evicted_topics_.erase(oldest->second);
        evicted_order_.erase(oldest);
    }
    gone.push_back(std::move(e));
}

bool history_ring::lost(std::uint64_t sequence, const std::vector<std::string>& patterns) const {
    if (evicted_through_ <= sequence) return false;
    const auto any = [&](const auto& predicate) {
        return std::any_of(patterns.begin(), patterns.end(), predicate);
    };
    if (forgotten_through_ > sequence &&
        any([&](const std::string& p) { return patterns_overlap(p, rule_.pattern); }))
        return true;
    for (auto it = evicted_order_.upper_bound(sequence); it != evicted_order_.end(); ++it)
        if (any([&](const std::string& p) { return topic_matches(p, it->second); })) return true;
    return false;
}

std::size_t history_ring::first_after(std::uint64_t sequence) const noexcept {
    const auto it =
        std::upper_bound(items_.begin(), items_.end(), sequence,
                         [](std::uint64_t s, const item& i) { return s < i.event->sequence(); });
    return static_cast<std::size_t>(it - items_.begin());
}

}  // namespace tidings::detail
