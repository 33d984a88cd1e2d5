// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/retry_schedule.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

namespace tidings::webhook {

namespace {

constexpr bool is_success_status(unsigned status) noexcept {
    return status >= 200 && status < 300;
}

constexpr unsigned status_gone = 410;

bool is_valid(const retry_options& options) {
    constexpr auto fits = [](std::chrono::milliseconds d) {
        return d.count() >= 0 && d <= std::chrono::days(365);
    };
    const auto& delays = options.delays;
    const auto& hopeless = options.permanent_statuses;
    return !delays.empty() && std::all_of(delays.begin(), delays.end(), fits) &&
           options.jitter >= 0 && options.jitter <= 1 &&
           options.max_retry_after >= std::chrono::seconds(0) &&
           options.max_retry_after <= std::chrono::days(365) &&
           std::none_of(hopeless.begin(), hopeless.end(),
                        [](unsigned s) { return is_success_status(s) || s == status_gone; });
}

}  // namespace

retry_options standard_retries() {
    return {};
}

retry_options svix_retries() {
    using namespace std::chrono_literals;
    return {.delays = {0s, 5s, 5min, 30min, 2h, 5h, 10h, 10h}};
}

retry_options exponential_retries(std::chrono::milliseconds first,
                                  std::chrono::milliseconds longest, std::size_t attempts) {
    retry_options o;
    o.delays.assign(attempts, std::chrono::milliseconds(0));
    auto wait = std::min(first, longest);
    for (std::size_t i = 1; i < attempts; ++i) {
        o.delays[i] = wait;
        if (wait.count() > 0) wait = wait < longest / 2 ? 2 * wait : longest;
    }
    return o;
}

retry_schedule::retry_schedule(retry_options options) : options_(std::move(options)) {
    if (!is_valid(options_))
        throw std::invalid_argument("tidings::webhook::retry_options: out of range");
}

std::optional<std::chrono::milliseconds> retry_schedule::next(
    std::size_t attempts, std::optional<std::chrono::seconds> retry_after,
    std::uint64_t random) const noexcept {
    if (attempts >= options_.delays.size()) return std::nullopt;
    const double uniform = static_cast<double>(random >> 11) * 0x1p-53;  // 0 to below 1
    const double factor = 1 + options_.jitter * (2 * uniform - 1);
    const auto delay = static_cast<double>(options_.delays[attempts].count()) * factor;
    const std::chrono::milliseconds jittered(std::llround(delay));
    constexpr std::chrono::seconds none(0);
    const auto asked = std::clamp(retry_after.value_or(none), none, options_.max_retry_after);
    return std::max<std::chrono::milliseconds>(jittered, asked);
}

std::chrono::milliseconds retry_schedule::longest() const noexcept {
    const auto& all = options_.delays;
    // Jitter may double it.
    return std::max<std::chrono::milliseconds>(2 * *std::max_element(all.begin(), all.end()),
                                               options_.max_retry_after);
}

verdict retry_schedule::classify(unsigned status) const noexcept {
    if (is_success_status(status)) return verdict::success;
    if (status == status_gone) return verdict::gone;
    const auto& hopeless = options_.permanent_statuses;
    if (std::find(hopeless.begin(), hopeless.end(), status) != hopeless.end())
        return verdict::permanent;
    const bool busy = status == 429 || (status >= 502 && status <= 504);
    return busy ? verdict::throttled : verdict::retry;
}

}  // namespace tidings::webhook
