// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>

namespace tidings::webhook::detail {

/// How many attempts an endpoint may have in flight: between 1 and a maximum, halved when it does
/// not keep up, one more when as many as it may have at once have succeeded.
class in_flight_window {
 public:
    explicit in_flight_window(std::size_t max) noexcept
        : max_(std::max<std::size_t>(max, 1)),
          size_(max_) {}

    std::size_t size() const noexcept { return size_; }
    void on_success() noexcept {
        if (size_ == max_ || ++successes_ < size_) return;
        ++size_;
        successes_ = 0;
    }
    void on_overload() noexcept {
        size_ = std::max<std::size_t>(size_ / 2, 1);
        successes_ = 0;
    }
    /// Another maximum: the endpoint was replaced.
    void limit(std::size_t max) noexcept {
        const bool was_full = size_ == max_;
        max_ = std::max<std::size_t>(max, 1);
        size_ = was_full ? max_ : std::min(size_, max_);
    }

 private:
    std::size_t max_;
    std::size_t size_;
    std::size_t successes_ = 0;  // since the last change
};

}  // namespace tidings::webhook::detail
