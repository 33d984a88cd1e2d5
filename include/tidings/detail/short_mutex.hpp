// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <atomic>

namespace tidings::detail {

/// A mutex that is held for less than a microsecond as a rule: a few instructions where it is free.
///
/// A thread that does not have it soon sleeps for a moment, and nobody wakes it. Threads that took
/// turns at each event would spend most of their time on fetching what the mutex guards from each
/// other's cache, and those that wake each other on that; this way each goes on for a while.
/// Satisfies Lockable.
class short_mutex {
 public:
    short_mutex() = default;
    short_mutex(const short_mutex&) = delete;
    short_mutex& operator=(const short_mutex&) = delete;

    void lock() noexcept {
        if (!try_lock()) wait_and_lock();
    }
    bool try_lock() noexcept { return !locked_.exchange(true, std::memory_order_acquire); }
    void unlock() noexcept { locked_.store(false, std::memory_order_release); }

 private:
    TIDINGS_DECL void wait_and_lock() noexcept;

    std::atomic<bool> locked_{false};
};

}  // namespace tidings::detail
