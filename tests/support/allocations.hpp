// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstddef>
#include <new>

namespace tidings::test {

// Of executables that have the `operator new` of counting_new.hpp.

/// So many allocations of this process succeed, then some fail; negative: all succeed.
inline std::atomic<long> allocations_left{-1};
/// How many fail then, one after another. One, unless a test says so.
inline std::atomic<long> failures_in_row{1};
/// How many there were.
inline std::atomic<std::size_t> allocations_made{0};
/// Bytes of those that were not given back, as the heap counts them.
inline std::atomic<long> bytes_held{0};
/// Bytes of all that were so large that they get pages of their own, 128 KiB.
inline std::atomic<std::size_t> large_bytes{0};

/// While one lives no allocation fails: what a test's own doubles take is no part of what it tests.
struct sparing {
    sparing() = default;
    sparing(const sparing&) = delete;
    ~sparing() { allocations_left = left; }
    const long left = allocations_left.exchange(-1);
};

/// Whether the next allocation is one that fails.
inline bool takes_failure() noexcept {
    if (allocations_left < 0) return false;
    if (allocations_left > 0) return allocations_left--, false;
    if (--failures_in_row > 0) return true;
    failures_in_row = 1;
    allocations_left = -1;
    return true;
}

/// Calls `f` with so many allocations to succeed. Whether one failed.
template <class F>
bool runs_out_after(long n, F f) {
    allocations_left = n;
    try {
        f();
    } catch (const std::bad_alloc&) {
        allocations_left = -1;
        return true;
    }
    return allocations_left.exchange(-1) < 0;
}

}  // namespace tidings::test
