// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/lane/impl/inbox.hpp>

#include <atomic>
#include <cstdint>

namespace tidings::detail {

/// The two inboxes of a lane: one is filled while the other is read. Threads that fill it exclude
/// each other by the lane's mutex. The lane takes no part in that: it exchanges its empty inbox for
/// the filled one in one atomic step, and where a thread has just taken that out to fill it, the
/// lane goes on without it. That thread wakes the lane afterwards.
class inbox_pair {
 public:
    /// The inbox that is filled, out of the lane's reach while this lives. With the mutex held.
    class filling {
     public:
        explicit filling(inbox_pair& p) noexcept : pair_(p), was_(p.state_.exchange(out)) {}
        /// Puts it back: the lane may take it from here on.
        ~filling() { pair_.state_.store(pair_.boxes_[which()].empty() ? was_ : was_ | filled); }
        filling(const filling&) = delete;
        inbox* operator->() const noexcept { return &pair_.boxes_[which()]; }
        inbox& operator*() const noexcept { return pair_.boxes_[which()]; }

     private:
        std::size_t which() const noexcept { return was_ & second; }
        inbox_pair& pair_;
        const std::uint8_t was_;
    };

    /// In the lane: what has come, to be handed out before the next call; null where nothing has.
    inbox* take() noexcept {
        auto now = state_.load(std::memory_order_relaxed);
        if ((now & filled) == 0) return nullptr;
        const auto others = static_cast<std::uint8_t>((now & second) ^ second);
        if (!state_.compare_exchange_strong(now, others)) return nullptr;
        return &boxes_[now & second];
    }
    /// Whether nothing has come, nor is about to.
    bool idle() const noexcept { return (state_.load() & (filled | out)) == 0; }
    /// Whether something has come and was put back.
    bool has_mail() const noexcept { return (state_.load() & filled) != 0; }

 private:
    // A sum of these; a thread that has taken the inbox out leaves `out` in its place.
    static constexpr std::uint8_t second = 1;  ///< which of the two is filled
    static constexpr std::uint8_t filled = 2;
    static constexpr std::uint8_t out = 4;

    inbox boxes_[2]{inbox(0), inbox(1)};
    std::atomic<std::uint8_t> state_{0};
};

}  // namespace tidings::detail
