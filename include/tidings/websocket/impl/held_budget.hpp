// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstddef>

namespace tidings::websocket::detail {

/// The bytes that the sessions of one service hold of messages that have not all arrived. Safe from
/// any thread.
class held_budget {
 public:
    explicit held_budget(std::size_t max_bytes) noexcept : max_bytes_(max_bytes) {}

    /// Counts so many more, or none and returns false.
    bool take(std::size_t bytes) noexcept {
        if (held_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= max_bytes_) return true;
        give_back(bytes);
        return false;
    }
    void give_back(std::size_t bytes) noexcept {
        held_.fetch_sub(bytes, std::memory_order_relaxed);
    }
    std::size_t held() const noexcept { return held_.load(std::memory_order_relaxed); }

 private:
    std::atomic<std::size_t> held_{0};
    const std::size_t max_bytes_;
};

}  // namespace tidings::websocket::detail
