// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <string_view>

namespace tidings::webhook::detail {

/// Whether an id that is signed before a border ends there for every reader: printable ASCII
/// without that character. Else the holder of one signed message could move the border between the
/// id and what follows (Standard Webhooks 1.0.0, "Signature scheme").
inline bool is_unambiguous_id(std::string_view id, char border) noexcept {
    return std::all_of(id.begin(), id.end(),
                       [border](char c) { return c > ' ' && c < '\x7f' && c != border; });
}

}  // namespace tidings::webhook::detail
