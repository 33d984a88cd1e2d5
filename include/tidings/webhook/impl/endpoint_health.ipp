// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/endpoint_health.hpp>

#include <algorithm>

namespace tidings::webhook::detail {

endpoint_health::change endpoint_health::on_answer(answer a, time now) {
    const bool delivered = a == answer::success || a == answer::slow;
    proxy_failures_ = 0;
    proxy_waits_ended_ = 0;
    return delivered ? on_success(a, now) : on_failure(a, now);
}

endpoint_health::change endpoint_health::on_success(answer a, time now) {
    if (a == answer::slow)
        window_.on_overload();
    else
        window_.on_success();
    const bool was_disabled = is_disabled();
    const bool was_open = row_.trips != 0;
    if (is_probed() || row_.failures != 0) forgive();
    // What holds connections until a deadline is not proven.
    row_.last_success.reset();
    if (a == answer::success) row_.last_success = now;
    ++row_.delivered;
    if (was_disabled) return change::recovered;
    return was_open ? change::closed : change::none;
}

endpoint_health::change endpoint_health::on_failure(answer a, time now) {
    ++row_.failed_attempts;
    ++row_.failures;
    if (!row_.failing_since) row_.failing_since = now;
    if (a == answer::overloaded || a == answer::unreachable) window_.on_overload();
    if (is_disabled()) {
        row_.probe_at = std::max(row_.probe_at, now + options_.disabled_probe);
        return change::none;
    }
    if (options_.disable_after != 0 && row_.failures >= options_.disable_after &&
        *row_.failing_since + options_.disable_after_time <= now) {
        disable(errc::webhook_disabled,
                std::to_string(row_.failures) + " attempts in a row have failed", now);
        return change::disabled;
    }
    if (a == answer::rejected) {  // it is there
        broken_ = 0;
        return std::exchange(row_.trips, 0) != 0 ? change::closed : change::none;
    }
    ++broken_;
    const bool is_open = row_.trips != 0;
    const bool opens = options_.open_after != 0 && broken_ >= options_.open_after;
    // What was in flight when the circuit opened probes nothing.
    if (is_open ? now < row_.probe_at : !opens) return change::none;
    const auto doublings = std::min<std::uint32_t>(row_.trips++, 20);
    const auto wait = options_.open_for * (std::int64_t(1) << doublings);
    row_.probe_at = now + std::min<std::chrono::milliseconds>(wait, options_.max_open_for);
    return change::opened;
}

std::uint32_t endpoint_health::on_proxy_failure(time now) noexcept {
    ++row_.failed_attempts;
    if (proxy_until_ <= now || proxy_failures_ == 0) ++proxy_failures_;
    proxy_failed_at_ = now;
    return proxy_failures_;
}

bool endpoint_health::end_proxy_wait(time now) noexcept {
    constexpr std::chrono::seconds least{5};
    if (proxy_until_ <= now) return false;
    const auto doublings = std::min<std::uint32_t>(proxy_waits_ended_, 20);
    if (now < proxy_failed_at_ + least * (std::int64_t(1) << doublings)) return true;
    proxy_until_ = {};
    ++proxy_waits_ended_;
    return false;
}

void endpoint_health::disable(error_code why, std::string reason, time now) {
    row_.disabled = why;
    row_.disabled_reason = std::move(reason);
    row_.disabled_since = now;
    row_.probe_at = now + options_.disabled_probe;
}

void endpoint_health::enable() noexcept {
    forgive();
    row_.paused_until = {};
    proxy_until_ = {};
}

void endpoint_health::forgive() noexcept {
    broken_ = 0;
    row_.failures = 0;
    row_.failing_since.reset();
    row_.trips = 0;
    row_.probe_at = {};
    row_.disabled = {};
    row_.disabled_reason.clear();
    row_.disabled_since = {};
}

endpoint_health::time endpoint_health::waits_until() const noexcept {
    const auto spared = std::max(row_.paused_until, proxy_until_);
    return is_probed() ? std::max(spared, row_.probe_at) : spared;
}

}  // namespace tidings::webhook::detail
