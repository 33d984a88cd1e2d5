// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/clock.hpp>

#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <string>

namespace tidings::rest_hook::detail {

/// How fast principals may make subscriptions: a bucket of tokens each, kept while it is not full.
/// Safe from any thread.
class creation_pace {
 public:
    static constexpr std::size_t max_owners = 10'000;  ///< whose buckets are kept at once

    /// @param per_minute 0: any number
    explicit creation_pace(std::size_t per_minute) noexcept : per_minute_(per_minute) {}

    /// Takes a token. 0: there was one; else how long until there is one.
    std::chrono::seconds take(const std::string& owner, io::steady_time now);

 private:
    // When the bucket is full again. So far ahead as it lacks tokens.
    using bucket_map = std::map<std::string, io::steady_time>;
    void forget_full(io::steady_time now);

    const std::size_t per_minute_;
    std::mutex mutex_;  // guards what follows
    bucket_map full_at_{};
    io::steady_time look_again_{};
};

}  // namespace tidings::rest_hook::detail
