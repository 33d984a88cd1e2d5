// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/history.hpp>
#include <tidings/overflow.hpp>

#include <algorithm>
#include <cstdint>
#include <list>
#include <string_view>
#include <unordered_map>

namespace tidings::detail {

/// What a conflating feed that is behind has read: the newest event of each topic, in order, up to
/// a bound. An event of which a newer one was read is superseded. Not thread-safe.
class conflation {
 public:
    /// @param from where to begin to read
    conflation(position from, const queue_limits& limits) : at_(std::move(from)), limits_(limits) {}

    /// Where to read on.
    const position& at() const noexcept { return at_; }
    /// Everything up to here was read.
    std::uint64_t through() const noexcept { return through_; }
    /// Nothing more has room, or should come before what there is was taken.
    bool full() const noexcept { return full_; }
    void close() noexcept { full_ = true; }
    bool empty() const noexcept { return events_.empty(); }

    /// Takes what a slice has up to the event `seen`; what lies behind it is left to the lane.
    /// Stops where something has no room, which must be read again. `start`: up to here nothing
    /// comes from the lane. `wants`: which events are taken.
    /// @return how many events were read
    /// @throws std::bad_alloc, and what was not taken must be read again
    template <class Wants>
    std::uint64_t collect(const history_slice& slice, std::uint64_t seen, const position& start,
                          Wants wants);
    /// What was read reaches at least so far.
    void read_through(const position& p) noexcept {
        at_ = p;
        through_ = std::max(through_, p.number());
    }

    /// How many were superseded and are not announced yet.
    std::uint64_t superseded() const noexcept { return superseded_; }
    void announced() noexcept { superseded_ = 0; }
    /// The oldest; there is one.
    TIDINGS_DECL event_ptr take() noexcept;

 private:
    TIDINGS_DECL bool add(const event_ptr& e);

    position at_;
    queue_limits limits_;
    std::uint64_t through_ = 0;
    struct item {
        event_ptr event;
        std::size_t bytes;
    };
    std::list<item> events_;
    std::unordered_map<std::string_view, std::list<item>::iterator> by_topic_;
    std::size_t bytes_ = 0;
    std::uint64_t superseded_ = 0;
    bool full_ = false;
};

template <class Wants>
std::uint64_t conflation::collect(const history_slice& slice, std::uint64_t seen,
                                  const position& start, Wants wants) {
    std::uint64_t count = 0;
    for (const auto& e : slice.events) {
        if (e->sequence() > seen) {
            if (start.number() >= at_.number() && !start.empty()) at_ = start;
            through_ = std::max(through_, seen);
            return count;
        }
        if (wants(e) && !add(e)) return count;
        read_through(*e->position());
        ++count;
    }
    read_through(slice.next);
    return count;
}

}  // namespace tidings::detail
