// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/clock.hpp>

#include <algorithm>
#include <chrono>

namespace tidings::detail {

/// So many a second, and `burst` at once; full at first. A rate of 0 is no limit.
class token_bucket {
 public:
    token_bucket(double per_second, double burst, io::steady_time now) noexcept
        : rate_(per_second),
          burst_(std::max(burst, 1.0)),
          tokens_(burst_),
          filled_(now) {}

    /// Takes one token, if there is one.
    bool take(io::steady_time now) noexcept {
        if (rate_ <= 0) return true;
        fill(now);
        if (tokens_ < 1) return false;
        tokens_ -= 1;
        return true;
    }
    /// Whether there is one for certain, without looking at the clock.
    bool has_token() const noexcept { return rate_ <= 0 || tokens_ >= 1; }
    /// How long until there is a token, at most ten years, after which it is asked again; 0: there
    /// is one.
    std::chrono::milliseconds wait(io::steady_time now) noexcept {
        using milliseconds = std::chrono::duration<double, std::milli>;
        constexpr milliseconds longest = std::chrono::hours(24 * 365 * 10);
        if (!has_token()) fill(now);
        if (has_token()) return {};
        return std::chrono::ceil<std::chrono::milliseconds>(
            std::min(milliseconds((1 - tokens_) / rate_ * 1000), longest));
    }
    /// Another rate, from now on. What tokens there are stay, as many as have room.
    void change(double per_second, double burst, io::steady_time now) noexcept {
        fill(now);
        rate_ = per_second;
        burst_ = std::max(burst, 1.0);
        tokens_ = std::min(tokens_, burst_);
    }
    /// When it was asked last.
    io::steady_time filled() const noexcept { return filled_; }

 private:
    void fill(io::steady_time now) noexcept {
        const std::chrono::duration<double> since = now - filled_;
        tokens_ = std::min(burst_, tokens_ + rate_ * since.count());
        filled_ = now;
    }

    double rate_;
    double burst_;
    double tokens_;
    io::steady_time filled_;
};

}  // namespace tidings::detail
