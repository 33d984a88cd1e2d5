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
    /// A place of so many, which is left when it is released; null when there is none. What alone
    /// is larger than either bound gets a place when it is the only one, or it would never get any.
    /// @throws std::bad_alloc
    std::shared_ptr<void> enter(std::size_t bytes, std::size_t count = 1) {
        {
            const std::lock_guard lock(mutex_);
            const auto most = max_bytes_ > bytes_ ? max_bytes_ - bytes_ : 0;
            const auto most_count = max_count_ > count_ ? max_count_ - count_ : 0;
            const bool fits = bytes <= most && count <= most_count;
            if (max_count_ == 0 || (count_ != 0 && !fits)) return nullptr;
            count_ += count;
            bytes_ += bytes;
        }
        return {this,
                [self = shared_from_this(), bytes, count](void*) { self->leave(bytes, count); }};
    }

 private:
    void leave(std::size_t bytes, std::size_t count) noexcept {
        const std::lock_guard lock(mutex_);
        count_ -= count;
        bytes_ -= bytes;
    }

    const std::size_t max_count_, max_bytes_;
    mutable std::mutex mutex_;  // guards the rest
    std::size_t count_ = 0, bytes_ = 0;
};

}  // namespace tidings::detail
