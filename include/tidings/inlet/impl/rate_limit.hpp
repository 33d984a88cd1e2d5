// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/inlet/impl/token_bucket.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <mutex>
#include <string>
#include <unordered_map>

namespace tidings::detail {

/// A token bucket for each name: so many a second, and `burst` at once. Safe from any thread.
class rate_limit {
 public:
    /// As many at once as in a second.
    explicit rate_limit(std::size_t per_second)
        : rate_limit(static_cast<double>(per_second), static_cast<double>(per_second)) {}
    /// A rate of 0: no limit. Of names that were used lately so many have a bucket of their own;
    /// those beyond have one together, where strangers make names up.
    rate_limit(double per_second, double burst,
               std::size_t max_names = std::numeric_limits<std::size_t>::max())
        : rate_(per_second),
          burst_(burst),
          max_names_(max_names) {}

    /// Takes one of a name: 0; or says how long until there is one. @throws std::bad_alloc
    std::chrono::milliseconds take(const std::string& name, io::steady_time now) {
        if (rate_ == 0) return {};
        const std::lock_guard lock(mutex_);
        if (now - swept_ > std::chrono::seconds(1)) {
            forget_full(now);
            swept_ = now;
        }
        auto& bucket = bucket_of(name, now);
        return bucket.take(now) ? std::chrono::milliseconds(0) : bucket.wait(now);
    }

 private:
    // What was quiet for long enough has a full bucket, as a new name has.
    void forget_full(io::steady_time now) {
        const std::chrono::duration<double> filled_after(std::max(burst_, 1.0) / rate_);
        std::erase_if(buckets_,
                      [&](const auto& b) { return now - b.second.filled() > filled_after; });
    }
    token_bucket& bucket_of(const std::string& name, io::steady_time now) {
        const auto it = buckets_.find(name);
        if (it != buckets_.end()) return it->second;
        if (buckets_.size() >= max_names_) return others_;
        return buckets_.try_emplace(name, rate_, burst_, now).first->second;
    }

    const double rate_;
    const double burst_;
    const std::size_t max_names_;
    std::mutex mutex_;
    std::unordered_map<std::string, token_bucket> buckets_;
    token_bucket others_{rate_, burst_, io::steady_time()};
    io::steady_time swept_{};
};

}  // namespace tidings::detail
