// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/clock.hpp>

#include <algorithm>
#include <mutex>
#include <string>
#include <unordered_map>

namespace tidings::rest::detail {

/// A token bucket for each name: so many a second, and as many at once. Safe from any thread.
class rate_limit {
 public:
    /// 0: no limit.
    explicit rate_limit(std::size_t per_second) : rate_(static_cast<double>(per_second)) {}

    bool admit(const std::string& name, io::steady_time now) {
        if (rate_ == 0) return true;
        const std::lock_guard lock(mutex_);
        // After a quiet second a bucket is full, as a new one is.
        if (now - swept_ > std::chrono::seconds(1)) {
            std::erase_if(buckets_, [&](const auto& b) {
                return now - b.second.filled > std::chrono::seconds(1);
            });
            swept_ = now;
        }
        auto& b = buckets_.try_emplace(name, bucket{rate_, now}).first->second;
        const std::chrono::duration<double> since = now - b.filled;
        b.tokens = std::min(rate_, b.tokens + rate_ * since.count());
        b.filled = now;
        if (b.tokens < 1) return false;
        b.tokens -= 1;
        return true;
    }

 private:
    struct bucket {
        double tokens = 0;
        io::steady_time filled{};
    };
    const double rate_;
    std::mutex mutex_;
    std::unordered_map<std::string, bucket> buckets_;
    io::steady_time swept_{};
};

}  // namespace tidings::rest::detail
