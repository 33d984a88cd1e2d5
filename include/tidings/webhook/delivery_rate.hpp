// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <cstddef>

namespace tidings::webhook {

/// How often an endpoint is sent to: a token bucket that is full at first, of which each attempt
/// takes one. What waits for one holds no connection, and its waiting is no attempt. On a clock
/// that is never set.
struct delivery_rate {
    double per_second = 0;  ///< a fraction, too: 0.1 is one attempt in ten seconds. 0: no limit
    /// How many attempts may follow each other at once. At least as many as come in 20 ms, to which
    /// time is measured.
    std::size_t burst = 1;
};

}  // namespace tidings::webhook
