// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bounded_queue.hpp>

#include <algorithm>

namespace tidings::detail {

bounded_queue::pushed bounded_queue::push(const event_ptr& e, graveyard& gone) {
    const auto cost = queue_cost(e);
    if (policy_ == overflow::conflate) return conflate(e, cost, gone);
    pushed result;
    if (fits(cost)) {
        append(e, cost);
        return result;
    }
    if (policy_ != overflow::drop_oldest) {
        ++missed_;
        return {outcome::dropped, 1, policy_ == overflow::disconnect};
    }
    while (!fits(cost)) {
        drop_front(gone);
        ++result.dropped;
    }
    append(e, cost);
    return result;
}

// The newest of a topic takes the place of the older one, at the end: the order stays that of the
// events that are left.
bounded_queue::pushed bounded_queue::conflate(const event_ptr& e, std::size_t cost,
                                              graveyard& gone) {
    pushed result;
    const auto same = std::find_if(events_.begin(), events_.end(),
                                   [&](const item& i) { return i.event->topic() == e->topic(); });
    if (same != events_.end()) {
        bytes_ -= queue_cost(same->event);
        const auto missed = same->missed_before;
        gone.take(std::move(same->event));
        const auto next = events_.erase(same);
        (next == events_.end() ? missed_ : next->missed_before) += missed;
        result.dropped = 1;
    }
    for (; !fits(cost); ++result.dropped) drop_front(gone);
    append(e, cost);
    return result;
}

void bounded_queue::append(const event_ptr& e, std::size_t cost) {
    events_.push_back({e, missed_});
    missed_ = 0;
    bytes_ += cost;
}

void bounded_queue::drop_front(graveyard& gone) noexcept {
    const auto missed = events_.front().missed_before + 1;
    bytes_ -= queue_cost(events_.front().event);
    gone.take(std::move(events_.front().event));
    events_.pop_front();
    (events_.empty() ? missed_ : events_.front().missed_before) += missed;
}

event_ptr bounded_queue::pop() noexcept {
    auto& missed = events_.empty() ? missed_ : events_.front().missed_before;
    if (missed != 0) {
        auto lagged = make_lagged_event(missed);
        if (lagged) missed = 0;
        return lagged;
    }
    if (events_.empty()) return {};
    auto e = std::move(events_.front().event);
    bytes_ -= queue_cost(e);
    events_.pop_front();
    return e;
}

std::size_t bounded_queue::clear(graveyard& gone) noexcept {
    const auto count = events_.size();
    for (auto& i : events_) gone.take(std::move(i.event));
    events_.clear();
    bytes_ = 0;
    missed_ = 0;
    return count;
}

bool bounded_queue::holds(const publication* p) const noexcept {
    return std::any_of(events_.begin(), events_.end(),
                       [&](const item& i) { return i.event.get() == p; });
}

}  // namespace tidings::detail
