// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/position.hpp>

namespace tidings::detail {

/// A subscriber that keeps its place, and is notified of the events of its pattern that were not
/// for it, since no delivery says that its place is behind them.
class passing_subscriber {
 public:
    passing_subscriber() = default;
    passing_subscriber(const passing_subscriber&) = delete;
    passing_subscriber& operator=(const passing_subscriber&) = delete;
    virtual ~passing_subscriber() = default;

    /// Called in the bus's lane, for each such event: it is to cost next to nothing.
    virtual void on_passed(const position& at) noexcept = 0;
};

}  // namespace tidings::detail
