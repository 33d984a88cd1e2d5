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

// It is not filled by that: an owner may change the rate as often as it likes.
void delivery_pace::bucket::change(const delivery_rate& r, io::steady_time now) noexcept {
    rate = r;
    tokens.change(r.per_second, bucket_size(r), now);
}

bool delivery_pace::look(const std::string& id, const delivery_rate& rate, io::steady_time now) {
    if (rate.per_second <= 0) {
        dismiss(id);
        return true;
    }
    auto it = buckets_.try_emplace(id, rate, now).first;
    auto& b = it->second;
    unwait(b);
    if (b.rate.per_second != rate.per_second || b.rate.burst != rate.burst) b.change(rate, now);
    const auto left = b.tokens.wait(now);
    if (left.count() == 0) return true;
    b.waits = waiting_.emplace(now + left, id);
    return false;
}

void delivery_pace::unwait(bucket& b) noexcept {
    if (!b.waits) return;
    waiting_.erase(*b.waits);
    b.waits.reset();
}

void delivery_pace::dismiss(const std::string& id) noexcept {
    if (const auto it = buckets_.find(id); it != buckets_.end()) unwait(it->second);
}

void delivery_pace::take(const std::string& id, io::steady_time now) {
    if (const auto it = buckets_.find(id); it != buckets_.end()) it->second.tokens.take(now);
}

void delivery_pace::ready(io::steady_time now, std::vector<std::string>& ids) {
    while (!waiting_.empty() && waiting_.begin()->first <= now) {
        ids.push_back(waiting_.begin()->second);
        unwait(buckets_.find(ids.back())->second);
    }
}

std::optional<io::steady_time> delivery_pace::next() const {
    return waiting_.empty() ? std::nullopt : std::optional(waiting_.begin()->first);
}

void delivery_pace::forget(const std::string& id) noexcept {
    const auto it = buckets_.find(id);
    if (it == buckets_.end()) return;
    unwait(it->second);
    buckets_.erase(it);
}

}  // namespace tidings::webhook::detail
