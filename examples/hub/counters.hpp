// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/metrics.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace hub {

/// Counts in memory and writes Prometheus' text format (version 0.0.4).
class counters final : public tidings::metrics_sink {
 public:
    void count(std::string_view name, labels l, std::uint64_t add) noexcept override {
        *counter(name, l) += add;
    }
    std::atomic<std::uint64_t>* counter(std::string_view name, labels l) noexcept override {
        const std::lock_guard lock(mutex_);
        auto& place = counters_[std::string(name) + "_total"][text(l)];
        if (!place) place = std::make_unique<std::atomic<std::uint64_t>>(0);
        return place.get();
    }
    void gauge(std::string_view name, labels l, std::int64_t add) noexcept override {
        const std::lock_guard lock(mutex_);
        gauges_[std::string(name)][text(l)] += add;
    }

    std::uint64_t value(std::string_view name, labels l) { return *counter(name, l); }
    std::int64_t gauge_value(const std::string& name, labels l) {
        const std::lock_guard lock(mutex_);
        return gauges_[name][text(l)];
    }

    std::string prometheus() const {
        const std::lock_guard lock(mutex_);
        std::string out;
        for (const auto& [name, family] : counters_) {
            out += "# TYPE tidings_" + name + " counter\n";
            for (const auto& [label, n] : family) line(out, name, label, std::to_string(*n));
        }
        for (const auto& [name, family] : gauges_) {
            out += "# TYPE tidings_" + name + " gauge\n";
            for (const auto& [label, n] : family) line(out, name, label, std::to_string(n));
        }
        return out;
    }

 private:
    static std::string text(labels l) {
        std::string out;
        for (const auto& [name, value] : l) {
            out += out.empty() ? "{" : ",";
            out += std::string(name) + "=\"" + std::string(value) + '"';
        }
        return out.empty() ? out : out + '}';
    }
    static void line(std::string& out, const std::string& name, const std::string& label,
                     const std::string& n) {
        out += "tidings_" + name + label + ' ' + n + '\n';
    }

    mutable std::mutex mutex_;
    std::map<std::string, std::map<std::string, std::unique_ptr<std::atomic<std::uint64_t>>>>
        counters_;
    std::map<std::string, std::map<std::string, std::int64_t>> gauges_;
};

}  // namespace hub
