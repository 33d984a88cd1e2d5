// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>

namespace tidings::test {

/// So many allocations of this process succeed, then one fails; negative: all succeed. Of the
/// executable `stream_counts`, which has its own `operator new`.
inline std::atomic<long> allocations_left{-1};

}  // namespace tidings::test
