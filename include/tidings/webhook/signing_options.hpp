// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <chrono>
#include <cstddef>

namespace tidings::webhook {

/// How a sender asks an `async_signer`.
struct signing_options {
    /// Of one signer. One that passed its deadline does not count any more.
    std::size_t max_concurrent = 64;
    std::chrono::milliseconds timeout{10'000};  ///< of one signature
};

}  // namespace tidings::webhook
