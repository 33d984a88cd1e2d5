// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/server/body_budget.hpp>

#include <new>

namespace tidings::http::detail {

using namespace tidings::detail;

bool body_budget::take(std::size_t bytes, bool authenticated, const std::string& address) noexcept
    try {
    const std::lock_guard lock(mutex_);
    if (bytes > max_bytes_ - held_) return false;
    if (!authenticated) {
        const auto free = max_bytes_ / 4 - held_by_strangers_;
        if (bytes > free) return false;
        if (!address.empty()) {
            const auto known = per_address_.find(address);
            const auto own = known == per_address_.end() ? 0 : known->second;
            if (own + bytes > free - bytes) return false;
            per_address_[address] = own + bytes;
        }
        held_by_strangers_ += bytes;
    }
    held_ += bytes;
    return true;
} catch (const std::bad_alloc&) {
    return false;
}

void body_budget::give_back(std::size_t bytes, bool authenticated,
                            const std::string& address) noexcept {
    if (bytes == 0) return;
    const std::lock_guard lock(mutex_);
    held_ -= bytes;
    if (authenticated) return;
    held_by_strangers_ -= bytes;
    const auto known = per_address_.find(address);
    if (known != per_address_.end() && (known->second -= bytes) == 0) per_address_.erase(known);
}

std::size_t body_budget::held() const noexcept {
    const std::lock_guard lock(mutex_);
    return held_;
}

}  // namespace tidings::http::detail
