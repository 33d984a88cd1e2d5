// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

namespace tidings::http::detail {

/// Makes room for `more` bytes, for twice as many as it had, but for no more than `most` bytes in
/// all. `std::string::reserve` may double what it was asked for.
inline void grow_for(std::string& s, std::size_t more, std::size_t most) {
    const auto needed = s.size() + more;
    if (needed <= s.capacity()) return;
    std::string grown;
    grown.reserve(std::min(std::max(needed, 2 * s.capacity()), most));
    grown.append(s);
    s.swap(grown);
}

}  // namespace tidings::http::detail
