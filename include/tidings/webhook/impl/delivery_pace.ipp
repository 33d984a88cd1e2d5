// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/delivery_pace.hpp>

#include <algorithm>

namespace tidings::webhook::detail {

namespace {

// A timer of the lane fires up to a tick late: what comes meanwhile must find room.
double bucket_size(const delivery_rate& r) noexcept {
    constexpr double ticks_per_second = 50;
    return std::max(static_cast<double>(r.burst), r.per_second / ticks_per_second + 1);
}

}  // namespace

delivery_pace::bucket::bucket(const delivery_rate& r, io::steady_time now)
    : rate(r),
      tokens(r.per_second, bucket_size(r), now) {}

bool delivery_pace::look(const std::string& id, const delivery_rate& rate, io::steady_time now) {
    if (rate.per_second <= 0) return true;
    auto it = buckets_.try_emplace(id, rate, now).first;
    auto& b = it->second;
    if (b.rate.per_second != rate.per_second || b.rate.burst != rate.burst) {
        const auto until = b.until;
        b = bucket(rate, now);
        b.until = until;
    }
    const auto left = b.tokens.wait(now);
    if (left.count() == 0) return true;
    if (b.until) waiting_.erase({*b.until, id});
    b.until.reset();
    waiting_.emplace(now + left, id);
    b.until = now + left;
    return false;
}

void delivery_pace::take(const std::string& id, io::steady_time now) {
    if (const auto it = buckets_.find(id); it != buckets_.end()) it->second.tokens.take(now);
}

std::vector<std::string> delivery_pace::ready(io::steady_time now) {
    std::vector<std::string> ids;
    while (!waiting_.empty() && waiting_.begin()->first <= now) {
        ids.push_back(waiting_.begin()->second);
        buckets_.at(ids.back()).until.reset();
        waiting_.erase(waiting_.begin());
    }
    return ids;
}

std::optional<io::steady_time> delivery_pace::next() const {
    return waiting_.empty() ? std::nullopt : std::optional(waiting_.begin()->first);
}

void delivery_pace::forget(const std::string& id) {
    const auto it = buckets_.find(id);
    if (it == buckets_.end()) return;
    if (it->second.until) waiting_.erase({*it->second.until, id});
    buckets_.erase(it);
}

}  // namespace tidings::webhook::detail
