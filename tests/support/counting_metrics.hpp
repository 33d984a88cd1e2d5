// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/metrics.hpp>

#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace tidings::test {

/// Counters and gauges by name and labels (`clients transport=websocket`).
class counting_metrics final : public metrics_sink {
 public:
    void count(std::string_view name, labels l, std::uint64_t add) noexcept override {
        change(name, l, static_cast<std::int64_t>(add));
    }
    void gauge(std::string_view name, labels l, std::int64_t add) noexcept override {
        change(name, l, add);
    }
    std::atomic<std::uint64_t>* counter(std::string_view name, labels l) noexcept override {
        const std::lock_guard lock(mutex_);
        return &counters_[key_of(name, l)];
    }
    std::int64_t value(const std::string& key) const {
        const std::lock_guard lock(mutex_);
        const auto counter = counters_.find(key);
        if (counter != counters_.end()) return static_cast<std::int64_t>(counter->second.load());
        const auto it = values_.find(key);
        return it == values_.end() ? 0 : it->second;
    }

 private:
    static std::string key_of(std::string_view name, labels l) {
        std::string key(name);
        for (const auto& [k, v] : l) key.append(" ").append(k).append("=").append(v);
        return key;
    }
    void change(std::string_view name, labels l, std::int64_t add) {
        const std::lock_guard lock(mutex_);
        values_[key_of(name, l)] += add;
    }
    mutable std::mutex mutex_;
    std::map<std::string, std::int64_t> values_;
    std::map<std::string, std::atomic<std::uint64_t>> counters_;
};

}  // namespace tidings::test
