// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <utility>

namespace tidings::webhook::detail {

/// What an operation that is repeated ended with, for a log that is to have each error once and not
/// as often as it comes.
class changed_error {
 public:
    /// Whether it is an error, and another than the last; success is the last, too.
    bool note(error_code ec) noexcept {
        if (ec != errc::out_of_memory) in_row_ = ec ? in_row_ + 1 : 0;
        return std::exchange(last_, ec) != ec && ec.failed();
    }
    /// How often in a row it failed since that is counted, for want of memory aside.
    unsigned in_row() const noexcept { return in_row_; }
    void count_anew() noexcept { in_row_ = 0; }

 private:
    error_code last_{};
    unsigned in_row_ = 0;
};

}  // namespace tidings::webhook::detail
