// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace tidings::detail {

/// A slot that keeps the hash of its value; `Value{}` marks a free one.
template <class Value>
struct hashed {
    std::uint64_t hash = 0;
    Value value{};
    explicit operator bool() const noexcept { return !(value == Value{}); }
};

/// The hash of such a slot.
struct kept_hash {
    std::uint64_t operator()(const auto& slot) const noexcept { return slot.hash; }
};

}  // namespace tidings::detail
