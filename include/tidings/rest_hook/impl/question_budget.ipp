// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/question_budget.hpp>

#include <algorithm>

namespace tidings::rest_hook::detail {

namespace {

constexpr std::chrono::seconds until_one_ends{1};

// No host begins so.
std::string place_of(const net::ip::address& a) {
    return '@' + a.to_string();
}

}  // namespace

void question_budget::open_window(io::steady_time now) {
    if (!counted_.empty() && now < began_ + window) return;
    began_ = now;
    counted_.clear();
}

bool question_budget::is_full(const std::string& place) const {
    const auto it = counted_.find(place);
    if (it == counted_.end()) return counted_.size() >= max_counted;
    return it->second >= per_host_;
}

std::chrono::milliseconds question_budget::begin(const std::string& owner, const std::string& host,
                                                 io::steady_time now) {
    const auto of_owner = of_owner_.find(owner);
    const auto open = of_owner == of_owner_.end() ? 0 : of_owner->second;
    if (open_ >= under_way_ || open >= std::max<std::size_t>(under_way_ / 4, 1))
        return until_one_ends;
    open_window(now);
    if (is_full(host)) return std::chrono::ceil<std::chrono::milliseconds>(began_ + window - now);
    ++of_owner_[owner];
    ++open_;
    ++counted_[host];
    return std::chrono::milliseconds(0);
}

void question_budget::end(const std::string& owner) noexcept {
    const auto it = of_owner_.find(owner);
    if (it == of_owner_.end()) return;
    --open_;
    if (--it->second == 0) of_owner_.erase(it);
}

bool question_budget::connects(const net::ip::address& to, io::steady_time now) {
    open_window(now);
    const auto place = place_of(to);
    if (is_full(place)) return false;
    ++counted_[place];
    return true;
}

}  // namespace tidings::rest_hook::detail
