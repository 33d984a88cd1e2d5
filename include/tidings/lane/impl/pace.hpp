// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstddef>
#include <utility>

namespace tidings::detail {

/// Whether a peer moves at least 1 KiB/s, over windows that its owner's timer ends.
class pace {
 public:
    static constexpr std::size_t least_bytes_per_second = 1024;

    void begin() noexcept { moved_ = 0; }
    void add(std::size_t bytes) noexcept { moved_ += bytes; }
    /// At the end of a window; the next one begins.
    bool kept(std::chrono::milliseconds window) noexcept {
        const auto least =
            static_cast<std::size_t>(window.count()) * least_bytes_per_second / std::size_t{1000};
        return std::exchange(moved_, 0) >= least;
    }

 private:
    std::size_t moved_ = 0;
};

}  // namespace tidings::detail
