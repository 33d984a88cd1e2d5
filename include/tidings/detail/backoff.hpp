// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace tidings {

/// How long a client waits before it connects again: doubling from `initial` to `max`, each wait drawn
/// between half and the whole, so that clients do not come back together.
struct reconnect_options {
    bool enabled = true;
    std::chrono::milliseconds initial{500};
    std::chrono::milliseconds max{30'000};
};

namespace detail {

/// The waits of one client. `random` is any uniform number.
class backoff {
 public:
    explicit backoff(reconnect_options o) : options_(o), next_(o.initial) {}
    /// A connection stood: the next wait is the first again.
    void reset() noexcept { next_ = options_.initial; }
    /// The server's own wish (`retry:`).
    void set_initial(std::chrono::milliseconds t) noexcept {
        options_.initial = t;
        options_.max = std::max(options_.max, t);
        next_ = t;
    }
    std::chrono::milliseconds next(std::uint64_t random) noexcept {
        const auto full = next_.count();
        next_ = std::min(next_ * 2, options_.max);
        const auto half = full / 2;
        return std::chrono::milliseconds(
            half + static_cast<std::int64_t>(random % static_cast<std::uint64_t>(full - half + 1)));
    }

 private:
    reconnect_options options_;
    std::chrono::milliseconds next_;
};

}  // namespace detail
}  // namespace tidings
