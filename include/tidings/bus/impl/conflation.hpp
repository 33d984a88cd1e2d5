// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/history.hpp>
#include <tidings/overflow.hpp>

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

    /// Takes an event that lies behind all that was read. False where it has no room: it must be
    /// read again. @throws std::bad_alloc, and nothing has changed
    TIDINGS_DECL bool add(const event_ptr& e);
    /// What was read reaches at least so far.
    void read_through(const position& p) noexcept {
        at_ = p;
        through_ = std::max(through_, p.number());
    }
    /// Nothing that is to be read lies between `at` and this number.
    void covers(std::uint64_t number) noexcept { through_ = std::max(through_, number); }

    /// How many were superseded and are not announced yet.
    std::uint64_t superseded() const noexcept { return superseded_; }
    void announced() noexcept { superseded_ = 0; }
    /// The oldest; there is one.
    TIDINGS_DECL event_ptr take() noexcept;

 private:
    position at_;
    queue_limits limits_;
    std::uint64_t through_ = 0;
    std::list<event_ptr> events_;
    std::unordered_map<std::string_view, std::list<event_ptr>::iterator> by_topic_;
    std::size_t bytes_ = 0;
    std::uint64_t superseded_ = 0;
    bool full_ = false;
};

}  // namespace tidings::detail
