// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/io/clock.hpp>

#include <optional>
#include <utility>

namespace tidings::webhook::detail {

/// What an operation that is repeated ended with, for a log that is to have each error once and not
/// as often as it comes.
class changed_error {
 public:
    /// Whether it is an error, and another than the last; success is the last, too.
    bool note(error_code ec, io::system_time now) noexcept {
        if (!ec) since_.reset();
        if (ec && ec != errc::out_of_memory && !since_) since_ = now;
        return std::exchange(last_, ec) != ec && ec.failed();
    }
    /// Whether it has failed for so long since that is measured, for want of memory aside.
    bool lasts(std::chrono::milliseconds time, io::system_time now) const noexcept {
        return since_ && *since_ + time <= now;
    }
    void measure_anew() noexcept { since_.reset(); }

 private:
    error_code last_{};
    std::optional<io::system_time> since_{};
};

}  // namespace tidings::webhook::detail
