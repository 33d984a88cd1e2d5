// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <chrono>

namespace tidings {

/// How long a client waits before it connects again: doubling from `initial` to `max`, each wait
/// drawn between half and the whole, so that clients do not come back together. A connection that
/// has lasted 10 s begins anew with `initial`; one that broke sooner does not, whatever it brought.
struct reconnect_options {
    bool enabled = true;
    std::chrono::milliseconds initial{500};
    std::chrono::milliseconds max{30'000};
    /// What a server asks for counts up to this: a mistake of its own must not silence a client for
    /// years. `Retry-After` is one wait; an event stream's `retry:` takes the place of `initial`
    /// and is the least of all later waits, never below 500 ms.
    std::chrono::milliseconds max_retry_after{300'000};
};

}  // namespace tidings
