// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/history.hpp>

#include <deque>

namespace tidings::sqlite::detail {

/// The newest events of a history in memory: all that are held and lie behind `from`.
class event_cache {
 public:
    struct entry {
        std::uint64_t offset = 0;
        std::size_t bytes = 0;
        event_ptr event{};  ///< null: it was erased
    };
    using entries = std::deque<entry>;

    explicit event_cache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

    std::uint64_t from() const noexcept { return from_; }
    void start(std::uint64_t offset) noexcept { from_ = offset; }
    /// Offsets rise. `bytes`: what the event holds. What makes room goes to `gone`: its end may be
    /// the user's code, which must find no lock held.
    TIDINGS_DECL void add(const event_ptr& e, std::size_t bytes, dropped_events& gone) noexcept;
    /// The event is held no more.
    TIDINGS_DECL void erase(std::uint64_t offset, dropped_events& gone) noexcept;
    /// The first that lies behind an offset.
    TIDINGS_DECL entries::const_iterator after(std::uint64_t offset) const noexcept;
    /// At most half of them are erased.
    entries::const_iterator begin() const noexcept { return entries_.begin(); }
    entries::const_iterator end() const noexcept { return entries_.end(); }
    /// Null where it has none.
    TIDINGS_DECL event_ptr find(std::uint64_t offset) const noexcept;

 private:
    entries::const_iterator place_of(std::uint64_t offset) const noexcept;
    void trim(dropped_events& gone) noexcept;
    void drop_front(dropped_events& gone) noexcept;

    const std::size_t max_bytes_;
    std::size_t bytes_ = 0;
    std::uint64_t from_ = 0;
    std::size_t erased_ = 0;  // of the entries
    entries entries_;         // in order of their offsets
};

}  // namespace tidings::sqlite::detail
