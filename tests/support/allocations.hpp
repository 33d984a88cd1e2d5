// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstddef>
#include <new>

namespace tidings::test {

// Of executables that have the `operator new` of counting_new.hpp.

/// So many allocations of this process succeed, then one fails; negative: all succeed.
inline std::atomic<long> allocations_left{-1};
/// How many there were.
inline std::atomic<std::size_t> allocations_made{0};
/// Bytes of those that were not given back, as the heap counts them.
inline std::atomic<long> bytes_held{0};
/// Bytes of all that were so large that they get pages of their own, 128 KiB.
inline std::atomic<std::size_t> large_bytes{0};

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
