// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>

namespace tidings::detail {

/// What was begun and has not ended, up to a number and a sum of bytes. Safe from any thread.
class outstanding : public std::enable_shared_from_this<outstanding> {
 public:
    outstanding(std::size_t max_count, std::size_t max_bytes) noexcept
        : max_count_(max_count),
          max_bytes_(max_bytes) {}

    bool full() const noexcept {
        const std::lock_guard lock(mutex_);
        return count_ >= max_count_ || (count_ != 0 && bytes_ >= max_bytes_);
    }
    /// A place that is left when it is released; null when there is none. One that alone is larger
    /// than `max_bytes` gets a place when it is the only one, or it would never get any.
    /// @throws std::bad_alloc
    std::shared_ptr<void> enter(std::size_t bytes) {
        {
            const std::lock_guard lock(mutex_);
            const auto most = max_bytes_ > bytes_ ? max_bytes_ - bytes_ : 0;
            if (count_ >= max_count_ || (count_ != 0 && bytes > most)) return nullptr;
            ++count_;
            bytes_ += bytes;
        }
        return {this, [self = shared_from_this(), bytes](void*) { self->leave(bytes); }};
    }

 private:
    void leave(std::size_t bytes) noexcept {
        const std::lock_guard lock(mutex_);
        --count_;
        bytes_ -= bytes;
    }

    const std::size_t max_count_, max_bytes_;
    mutable std::mutex mutex_;  // guards the rest
    std::size_t count_ = 0, bytes_ = 0;
};

}  // namespace tidings::detail
