// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/epoch_list.hpp>

#include <algorithm>

namespace tidings::sqlite::detail {

position epoch_list::position_of(std::uint64_t offset) const noexcept {
    const auto behind =
        std::upper_bound(epochs_.begin(), epochs_.end(), offset,
                         [](std::uint64_t o, const history_epoch& e) { return o < e.first; });
    const auto& e = behind == epochs_.begin() ? epochs_.front() : *std::prev(behind);
    return {e.number, offset};
}

epoch_list::place epoch_list::find(const position& p) const noexcept {
    if (!p.has_number()) return {};
    for (const auto& e : epochs_) {
        if (!p.has_epoch_of({e.number, 0}) || p.number() < e.first) continue;
        return {std::min(p.number(), e.last), p.number() <= e.last};
    }
    return {};
}

}  // namespace tidings::sqlite::detail
