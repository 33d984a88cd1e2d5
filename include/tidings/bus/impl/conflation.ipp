// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/conflation.hpp>

#include <algorithm>

namespace tidings::detail {

bool conflation::add(const event_ptr& e) {
    const auto known = by_topic_.find(e->topic());
    const bool is_new = known == by_topic_.end();
    const auto size = events_.size() + (is_new ? 1 : 0);
    const auto bytes = bytes_ + e->footprint() - (is_new ? 0 : (*known->second)->footprint());
    full_ = size > 1 && (size > limits_.max_events || bytes > limits_.max_bytes);
    if (full_) return false;
    events_.push_back(e);
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
    by_topic_.erase(events_.front()->topic());
    auto e = std::move(events_.front());
    events_.pop_front();
    bytes_ -= e->footprint();
    full_ = false;
    return e;
}

}  // namespace tidings::detail
