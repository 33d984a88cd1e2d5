// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/event_ring.hpp>
#include <tidings/bus/impl/graveyard.hpp>
#include <tidings/control_event.hpp>
#include <tidings/overflow.hpp>
#include <tidings/receipt.hpp>

#include <atomic>
#include <mutex>

namespace tidings::detail {

/// What an event costs a queue.
inline std::size_t queue_cost(const event_ptr& e) noexcept {
    return e->footprint();
}

/// A queue of publications with a bound and a policy. Not thread-safe.
class bounded_queue {
 public:
    struct pushed {
        outcome result = outcome::queued;
        std::size_t dropped = 0;  ///< events that are gone because of this one, itself included
        bool overflowed = false;  ///< overflow::disconnect: the subscriber must be closed
    };

    bounded_queue(queue_limits limits, overflow policy) : limits_(limits), policy_(policy) {}

    const queue_limits& limits() const noexcept { return limits_; }
    bool empty() const noexcept { return events_.empty() && missed_ == 0; }
    std::size_t size() const noexcept { return events_.size(); }
    /// Whether one more of this cost fits. An empty queue takes any event.
    bool fits(std::size_t cost) const noexcept {
        return events_.empty() ||
               (events_.size() < limits_.max_events && bytes_ + cost <= limits_.max_bytes);
    }

    /// Whether the bound is not reached yet; the next event may go beyond its bytes.
    bool has_room() const noexcept {
        return events_.empty() ||
               (events_.size() < limits_.max_events && bytes_ < limits_.max_bytes);
    }

    /// What it drops goes to `gone`. Where there is no memory, the event itself is dropped.
    pushed push(const event_ptr& e, graveyard& gone) noexcept {
        const auto cost = queue_cost(e);
        if (policy_ == overflow::conflate || !fits(cost) || !events_.has_place())
            return push_slowly(e, gone);
        append(e, cost);
        return {};
    }
    pushed push(const event_ptr& e) noexcept {
        graveyard gone;
        return push(e, gone);
    }
    /// Appends without regard to the bound, after `has_room` was true.
    /// @throws std::bad_alloc, and nothing has changed.
    void push_over(const event_ptr& e) { append(e, queue_cost(e)); }
    /// The next event; a `tidings.lagged` first where events were dropped. Null when empty, or
    /// where memory for that is missing: the next call makes it.
    event_ptr pop() noexcept {
        if (!events_.empty() && events_.front().missed_before == 0) return take_front();
        return pop_slowly();
    }
    /// Whether `pop` will announce what was dropped.
    bool announces() const noexcept {
        return (events_.empty() ? missed_ : events_.front().missed_before) != 0;
    }
    /// Puts back what `pop` returned last, which was in the queue.
    /// @throws std::bad_alloc, and nothing has changed
    void put_back(event_ptr&& e) {
        const auto cost = queue_cost(e);
        events_.push_front(std::move(e), cost);
        bytes_ += cost;
    }
    /// Counts events that were lost before they came here.
    void miss(std::uint64_t count) noexcept { missed_ += count; }
    /// Takes the next event out, to be released with no lock held; null, and nothing is missed any
    /// more, when there is none. Emptying a queue allocates nothing.
    TIDINGS_DECL event_ptr discard() noexcept;
    /// How many were lost of which no announcement has told, which then none will.
    TIDINGS_DECL std::uint64_t take_missed() noexcept;
    /// Whether this publication is in it.
    TIDINGS_DECL bool holds(const publication* p) const noexcept;

 private:
    TIDINGS_DECL pushed push_slowly(const event_ptr& e, graveyard& gone) noexcept;
    TIDINGS_DECL event_ptr pop_slowly() noexcept;
    void append(const event_ptr& e, std::size_t cost) {
        events_.push_back(e, missed_, cost);
        missed_ = 0;
        bytes_ += cost;
    }
    event_ptr take_front() noexcept {
        bytes_ -= events_.front().cost;
        return events_.take_front();
    }
    void put(const event_ptr& e, graveyard& gone, pushed& result);
    void supersede(const event_ptr& e, graveyard& gone, pushed& result);
    void drop_front(graveyard& gone, pushed& result);

    queue_limits limits_;
    overflow policy_;
    event_ring events_;
    std::size_t bytes_ = 0;
    std::uint64_t missed_ = 0;  // dropped since the last event was appended
};

/// Empties a queue that the mutex guards: each event is counted, then released with the mutex free.
template <class Mutex>
void discard_all(bounded_queue& q, Mutex& m, std::atomic<std::uint64_t>& count) noexcept {
    for (bool more = true; more;) {
        event_ptr gone;
        const std::lock_guard lock(m);
        gone = q.discard();
        more = gone != nullptr;
        if (more && (gone->info().bus != 0 || !is_control(gone))) ++count;
    }
}

}  // namespace tidings::detail
