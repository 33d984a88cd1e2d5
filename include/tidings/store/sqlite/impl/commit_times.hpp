// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <utility>

namespace tidings::sqlite::detail {

/// How long the newest commits took. Safe from any thread.
class commit_times {
 public:
    using duration = std::chrono::microseconds;

    void add(duration d) noexcept {
        const std::lock_guard lock(mutex_);
        newest_[count_++ % newest_.size()] = d;
    }
    std::uint64_t count() const noexcept {
        const std::lock_guard lock(mutex_);
        return count_;
    }
    /// What so many per thousand of the newest took at most; 0 before the first. 1,000: the
    /// slowest.
    duration quantile(std::size_t per_thousand) const noexcept {
        auto [sorted, size] = newest();
        if (size == 0) return {};
        const auto at = sorted.data() + std::min(size * per_thousand / 1000, size - 1);
        std::nth_element(sorted.data(), at, sorted.data() + size);
        return *at;
    }

 private:
    using durations = std::array<duration, 1000>;
    std::pair<durations, std::size_t> newest() const noexcept {
        const std::lock_guard lock(mutex_);
        return {newest_, std::min<std::size_t>(count_, newest_.size())};
    }

    mutable std::mutex mutex_;
    durations newest_{};
    std::uint64_t count_ = 0;
};

}  // namespace tidings::sqlite::detail
