// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/lost_topics.hpp>
#include <tidings/topic.hpp>

#include <algorithm>
#include <new>

namespace tidings::sqlite::detail {

void lost_topics::note(std::string_view topic, std::uint64_t offset) noexcept {
    evicted_ = std::max(evicted_, offset);
    try {
        if (const auto known = by_topic_.find(topic); known != by_topic_.end()) {
            auto node = by_offset_.extract(known->second);
            known->second = node.key() = offset;
            by_offset_.insert(std::move(node));
            return;
        }
        const auto added = by_offset_.emplace(offset, topic).first;
        try {
            by_topic_.emplace(added->second, offset);
        } catch (const std::bad_alloc&) {
            by_offset_.erase(added);
            throw;
        }
    } catch (const std::bad_alloc&) {
        return forget_through(offset);
    }
    if (by_offset_.size() <= max_topics) return;
    const auto oldest = by_offset_.begin();
    forgotten_ = std::max(forgotten_, oldest->first);
    by_topic_.erase(oldest->second);
    by_offset_.erase(oldest);
}

void lost_topics::forget_through(std::uint64_t offset) noexcept {
    evicted_ = std::max(evicted_, offset);
    forgotten_ = std::max(forgotten_, offset);
}

std::uint64_t lost_topics::find(std::uint64_t offset,
                                const std::vector<std::string>& patterns) const {
    if (evicted_ <= offset) return 0;
    const auto any = [&](const auto& predicate) {
        return std::any_of(patterns.begin(), patterns.end(), predicate);
    };
    std::uint64_t newest = 0;
    if (forgotten_ > offset &&
        any([&](const std::string& p) { return patterns_overlap(p, pattern_); }))
        newest = forgotten_;
    for (auto it = by_offset_.rbegin();
         it != by_offset_.rend() && it->first > std::max(offset, newest); ++it)
        if (any([&](const std::string& p) { return topic_matches(p, it->second); }))
            return it->first;
    return newest;
}

}  // namespace tidings::sqlite::detail
