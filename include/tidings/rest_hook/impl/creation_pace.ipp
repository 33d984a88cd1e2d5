// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/creation_pace.hpp>

#include <algorithm>

namespace tidings::rest_hook::detail {

namespace {

constexpr std::chrono::minutes to_fill{1};

}  // namespace

std::chrono::seconds creation_pace::take(const std::string& owner, io::steady_time now) {
    if (per_minute_ == 0) return std::chrono::seconds(0);
    const auto token =
        std::chrono::nanoseconds(to_fill) / static_cast<std::chrono::nanoseconds::rep>(per_minute_);
    const std::lock_guard lock(mutex_);
    if (full_at_.size() >= max_owners && now >= look_again_) forget_full(now);
    auto it = full_at_.find(owner);
    if (it == full_at_.end()) {
        if (full_at_.size() >= max_owners) return std::chrono::seconds(1);
        it = full_at_.emplace(owner, now).first;
    }
    const auto full = std::max(it->second, now) + token;
    if (full - now > to_fill)
        return std::max(std::chrono::ceil<std::chrono::seconds>(full - now - to_fill),
                        std::chrono::seconds(1));
    it->second = full;
    return std::chrono::seconds(0);
}

// Not at each request: strangers could make each look at all of them.
void creation_pace::forget_full(io::steady_time now) {
    std::erase_if(full_at_, [now](const auto& b) { return b.second <= now; });
    look_again_ = now + std::chrono::seconds(1);
}

}  // namespace tidings::rest_hook::detail
