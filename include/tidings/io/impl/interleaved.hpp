// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <vector>

namespace tidings::detail {

/// Addresses whose families take turns, beginning with that of the first: a family that leads
/// nowhere costs one attempt (RFC 8305 4).
template <class Address, class IsV6>
std::vector<Address> interleaved(std::vector<Address> found, IsV6 is_v6) {
    const bool first = found.empty() || is_v6(found.front());
    const auto rest = std::stable_partition(found.begin(), found.end(),
                                            [&](const auto& a) { return is_v6(a) == first; });
    std::vector<Address> mixed;
    mixed.reserve(found.size());
    for (auto a = found.begin(), b = rest; a != rest || b != found.end();) {
        if (a != rest) mixed.push_back(*a++);
        if (b != found.end()) mixed.push_back(*b++);
    }
    return mixed;
}

}  // namespace tidings::detail
