// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/reconnect.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace tidings::detail {

/// The waits of one client (`reconnect_options`). `random` is any uniform number.
class backoff {
 public:
    /// No wish of a server makes a client come back sooner.
    static constexpr std::chrono::milliseconds shortest_least{500};

    explicit backoff(reconnect_options o) : options_(o), next_(o.initial) {}
    /// The next wait is the first again.
    void reset() noexcept { next_ = options_.initial; }
    /// The server's own wish (`retry:`): no wait is shorter from now on. The waits grow on from
    /// where they are, since a server may say it at the start of each stream.
    void set_least(std::chrono::milliseconds t) noexcept {
        least_ = std::max(std::min(t, options_.max_retry_after), shortest_least);
        const bool first = next_ == options_.initial;
        options_.initial = least_;
        options_.max = std::max(options_.max, least_);
        next_ = first ? least_ : std::max(next_, least_);
    }
    /// `asked`: by the server, this once (`Retry-After`).
    std::chrono::milliseconds next(std::uint64_t random,
                                   std::chrono::milliseconds asked = {}) noexcept {
        const auto full = next_.count();
        // Also from nothing it grows: a peer that is not there must not be asked without a pause.
        next_ = std::min(std::max(next_ * 2, std::chrono::milliseconds(100)), options_.max);
        const auto half = full / 2;
        const auto drawn = std::chrono::milliseconds(
            half + static_cast<std::int64_t>(random % static_cast<std::uint64_t>(full - half + 1)));
        return std::max({drawn, least_, std::min(asked, options_.max_retry_after)});
    }

 private:
    reconnect_options options_;
    std::chrono::milliseconds next_;
    std::chrono::milliseconds least_{0};
};

}  // namespace tidings::detail
