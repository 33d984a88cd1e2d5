// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstdint>

namespace tidings::detail {

/// The mutex of queues: a few instructions where it is free, which it nearly always is; a thread
/// that has to wait sleeps until it is woken. Satisfies Lockable.
class queue_mutex {
 public:
    queue_mutex() = default;
    queue_mutex(const queue_mutex&) = delete;
    queue_mutex& operator=(const queue_mutex&) = delete;

    void lock() noexcept {
        if (!try_lock()) wait_and_lock();
    }
    bool try_lock() noexcept {
        auto expected = state::free;
        return state_.compare_exchange_strong(expected, state::held, std::memory_order_acquire,
                                              std::memory_order_relaxed);
    }
    void unlock() noexcept {
        if (state_.exchange(state::free, std::memory_order_release) == state::awaited)
            state_.notify_one();
    }

 private:
    enum class state : std::int32_t { free, held, awaited };

    void wait_and_lock() noexcept {
        while (state_.exchange(state::awaited, std::memory_order_acquire) != state::free)
            state_.wait(state::awaited, std::memory_order_relaxed);
    }

    std::atomic<state> state_{state::free};
};

}  // namespace tidings::detail
