// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <string_view>

namespace tidings::detail {

/// Whether an attribute may have this name (CloudEvents 1.0, 3.1).
inline bool is_attribute_name(std::string_view name) noexcept {
    return !name.empty() && name != "data" && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    });
}

}  // namespace tidings::detail
