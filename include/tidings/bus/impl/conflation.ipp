// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/conflation.hpp>

#include <algorithm>

namespace tidings::detail {

// False where it has no room. What it throws has changed nothing.
bool conflation::add(const event_ptr& e) {
    const auto known = by_topic_.find(e->topic());
    const bool is_new = known == by_topic_.end();
    const auto size = events_.size() + (is_new ? 1 : 0);
    const auto cost = e->footprint();
    const auto bytes = bytes_ + cost - (is_new ? 0 : known->second->bytes);
    full_ = size > 1 && (size > limits_.max_events || bytes > limits_.max_bytes);
    if (full_) return false;
    events_.push_back({e, cost});
    const auto newest = std::prev(events_.end());
    if (is_new) {
        try {
            by_topic_.emplace(e->topic(), newest);
        } catch (...) {
            events_.pop_back();
            throw;
        }
    } else {
        // The key is text of the event that stays.
        auto node = by_topic_.extract(known);
        events_.erase(node.mapped());
        node.key() = e->topic();
        node.mapped() = newest;
        by_topic_.insert(std::move(node));
        ++superseded_;
    }
    bytes_ = bytes;
    return true;
}

event_ptr conflation::take() noexcept {
    auto e = std::move(events_.front().event);
    by_topic_.erase(e->topic());
    bytes_ -= events_.front().bytes;
    events_.pop_front();
    full_ = false;
    return e;
}

}  // namespace tidings::detail
