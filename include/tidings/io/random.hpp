// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace tidings::io {

/// The seam for randomness: masks, keys, jitter, epochs, ids. Safe from any thread.
class random {
 public:
    virtual ~random() = default;
    /// Fills with bytes an attacker cannot predict.
    virtual void fill(std::span<std::byte> out) noexcept = 0;
    /// A uniform 64-bit number.
    TIDINGS_DECL std::uint64_t next() noexcept;
};

/// The operating system's generator, buffered per thread.
TIDINGS_DECL random& system_random() noexcept;

}  // namespace tidings::io
