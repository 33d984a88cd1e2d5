// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <chrono>

namespace tidings {

/// How long a client waits before it connects again: doubling from `initial` to `max`, each wait
/// drawn between half and the whole, so that clients do not come back together.
struct reconnect_options {
    bool enabled = true;
    std::chrono::milliseconds initial{500};
    std::chrono::milliseconds max{30'000};
    /// What a server asks for beyond that (`Retry-After`, an event stream's `retry:`) counts up to
    /// this: a slip of its hand must not silence a client for years.
    std::chrono::milliseconds max_retry_after{300'000};
};

}  // namespace tidings
