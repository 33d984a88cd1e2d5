// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "matrix/cases.hpp"
#include "matrix/faults.hpp"
#include "matrix/rows.hpp"

#include <optional>

namespace tidings::matrix {

/// Caches of the process that grow a little are no leak.
inline constexpr std::size_t heap_slack_bytes = 64 * 1024;

/// What the process holds.
struct counters {
    std::size_t publications = 0;
    std::size_t descriptors = 0;  ///< 0 where that cannot be known
    std::size_t heap_bytes = 0;   ///< in use; 0 likewise
};
counters count_now();

/// Plays a case in a fresh scene of a row, and looks for what is left when it is over: connections,
/// streams, work in the context, timers, publications, descriptors, memory.
findings run_case(const row& r, test_case c, const std::optional<plan>& p = {});

}  // namespace tidings::matrix
