// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidings::detail {

struct pattern_entry;

/// What a topic handle knows. The list is guarded by the bus's mutex, and holds while the index is
/// of the same generation.
struct topic_route {
    std::string topic{};
    std::uint64_t generation = 0;
    std::vector<pattern_entry*> matched{};
};

}  // namespace tidings::detail
