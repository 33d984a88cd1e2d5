// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/inlet/impl/token_bucket.hpp>

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
        // A name that was quiet for a second has a full bucket, as a new one has.
        if (now - swept_ > std::chrono::seconds(1)) {
            std::erase_if(buckets_, [&](const auto& b) {
                return now - b.second.filled() > std::chrono::seconds(1);
            });
            swept_ = now;
        }
        return buckets_.try_emplace(name, rate_, rate_, now).first->second.take(now);
    }

 private:
    const double rate_;
    std::mutex mutex_;
    std::unordered_map<std::string, tidings::detail::token_bucket> buckets_;
    io::steady_time swept_{};
};

}  // namespace tidings::rest::detail
