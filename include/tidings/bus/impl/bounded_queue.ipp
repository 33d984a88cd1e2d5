// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bounded_queue.hpp>

#include <new>

namespace tidings::detail {

bounded_queue::pushed bounded_queue::push_slowly(const event_ptr& e, graveyard& gone) noexcept {
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
    std::size_t same = 0;
    while (same != events_.size() && events_[same].event->topic() != e->topic()) ++same;
    if (same == events_.size()) return;
    gone.take(std::move(events_[same].event));
    bytes_ -= events_[same].cost;
    const auto missed = events_[same].missed_before + 1;
    events_.erase(same);
    (events_.empty() ? missed_ : events_.front().missed_before) += missed;
    ++result.dropped;
}

void bounded_queue::drop_front(graveyard& gone, pushed& result) {
    const auto missed = events_.front().missed_before + 1;
    gone.take(std::move(events_.front().event));
    bytes_ -= events_.front().cost;
    events_.take_front();
    (events_.empty() ? missed_ : events_.front().missed_before) += missed;
    ++result.dropped;
}

event_ptr bounded_queue::pop_slowly() noexcept {
    auto& missed = events_.empty() ? missed_ : events_.front().missed_before;
    if (missed != 0) {
        auto lagged = make_lagged_event(missed);
        if (lagged) missed = 0;
        return lagged;
    }
    if (events_.empty()) return {};
    return take_front();
}

event_ptr bounded_queue::discard() noexcept {
    if (events_.empty()) {
        missed_ = 0;
        return {};
    }
    return take_front();
}

std::uint64_t bounded_queue::take_missed() noexcept {
    auto all = std::exchange(missed_, 0);
    for (std::size_t i = 0; i != events_.size(); ++i)
        all += std::exchange(events_[i].missed_before, 0);
    return all;
}

bool bounded_queue::holds(const publication* p) const noexcept {
    for (std::size_t i = 0; i != events_.size(); ++i)
        if (events_[i].event.get() == p) return true;
    return false;
}

}  // namespace tidings::detail
