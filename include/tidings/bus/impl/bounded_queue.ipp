// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bounded_queue.hpp>

#include <algorithm>
#include <new>

namespace tidings::detail {

bounded_queue::pushed bounded_queue::push(const event_ptr& e, graveyard& gone) noexcept {
    pushed result;
    try {
        put(e, gone, result);
    } catch (const std::bad_alloc&) {
        ++missed_;
        ++result.dropped;
        result.result = outcome::dropped;
    }
    return result;
}

void bounded_queue::put(const event_ptr& e, graveyard& gone, pushed& result) {
    const auto cost = queue_cost(e);
    if (policy_ == overflow::conflate) supersede(e, gone, result);
    const bool makes_room = policy_ == overflow::conflate || policy_ == overflow::drop_oldest;
    if (!makes_room && !fits(cost)) {
        ++missed_;
        result = {outcome::dropped, 1, policy_ == overflow::disconnect};
        return;
    }
    while (!fits(cost)) drop_front(gone, result);
    append(e, cost);
}

// The newest of a topic takes the place of the older one, at the end: the order stays that of the
// events that are left. Announced before the next event that is taken.
void bounded_queue::supersede(const event_ptr& e, graveyard& gone, pushed& result) {
    const auto same = std::find_if(events_.begin(), events_.end(),
                                   [&](const item& i) { return i.event->topic() == e->topic(); });
    if (same == events_.end()) return;
    const auto cost = queue_cost(same->event);
    gone.take(std::move(same->event));
    bytes_ -= cost;
    const auto missed = same->missed_before + 1;
    events_.erase(same);
    (events_.empty() ? missed_ : events_.front().missed_before) += missed;
    ++result.dropped;
}

void bounded_queue::append(const event_ptr& e, std::size_t cost) {
    events_.push_back({e, missed_});
    missed_ = 0;
    bytes_ += cost;
}

void bounded_queue::drop_front(graveyard& gone, pushed& result) {
    const auto missed = events_.front().missed_before + 1;
    const auto cost = queue_cost(events_.front().event);
    gone.take(std::move(events_.front().event));
    bytes_ -= cost;
    events_.pop_front();
    (events_.empty() ? missed_ : events_.front().missed_before) += missed;
    ++result.dropped;
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

event_ptr bounded_queue::discard() noexcept {
    if (events_.empty()) {
        missed_ = 0;
        return {};
    }
    auto e = std::move(events_.front().event);
    bytes_ -= queue_cost(e);
    events_.pop_front();
    return e;
}

bool bounded_queue::holds(const publication* p) const noexcept {
    return std::any_of(events_.begin(), events_.end(),
                       [&](const item& i) { return i.event.get() == p; });
}

}  // namespace tidings::detail
