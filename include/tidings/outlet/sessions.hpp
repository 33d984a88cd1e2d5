// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/metrics.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tidings {

/// What the sessions of one transport count; null: not counted.
struct session_counters {
    std::atomic<std::uint64_t>* sent = nullptr;     ///< "events_sent"
    std::atomic<std::uint64_t>* unsent = nullptr;   ///< "events_unsent": without a form on the wire
    std::atomic<std::uint64_t>* dropped = nullptr;  ///< "events_dropped" by the feed
};

/// The open sessions of a service, so that it can count them (the gauge "clients") and end them.
/// Safe from any thread.
template <class Session>
class sessions {
 public:
    sessions() = default;
    /// `transport` is the label of what is counted. Without metrics nothing is.
    sessions(std::shared_ptr<metrics_sink> metrics, std::string transport)
        : metrics_(std::move(metrics)),
          transport_(std::move(transport)) {
        if (!metrics_) return;
        const auto place = [this](std::string_view name) {
            return metrics_->counter(name, {{"transport", transport_}});
        };
        counters_ = {place("events_sent"), place("events_unsent"), place("events_dropped")};
    }

    /// False when the service is draining: the session is to end by itself. `remove` follows in
    /// either case.
    bool add(const std::shared_ptr<Session>& s) {
        const bool welcome = keep(s);
        count(1);
        return welcome;
    }
    void remove(const Session* s) noexcept {
        {
            const std::lock_guard lock(mutex_);
            open_.erase(s);
        }
        count(-1);
    }
    /// Takes no more, and calls `end` with each that is open.
    template <class End>
    void drain(End end) {
        for (const auto& s : take_no_more()) end(*s);
    }
    bool draining() const noexcept {
        const std::lock_guard lock(mutex_);
        return draining_;
    }
    std::size_t size() const noexcept {
        const std::lock_guard lock(mutex_);
        return open_.size();
    }
    const session_counters& counters() const noexcept { return counters_; }

 private:
    bool keep(const std::shared_ptr<Session>& s) {
        const std::lock_guard lock(mutex_);
        if (!draining_) open_[s.get()] = s;
        return !draining_;
    }
    std::vector<std::shared_ptr<Session>> take_no_more() {
        std::vector<std::shared_ptr<Session>> list;
        const std::lock_guard lock(mutex_);
        draining_ = true;
        list.reserve(open_.size());
        for (const auto& [key, weak] : open_)
            if (auto s = weak.lock()) list.push_back(std::move(s));
        return list;
    }
    void count(std::int64_t add) const noexcept {
        if (metrics_) metrics_->gauge("clients", {{"transport", transport_}}, add);
    }

    std::shared_ptr<metrics_sink> metrics_{};
    std::string transport_{};
    session_counters counters_{};
    mutable std::mutex mutex_;
    std::unordered_map<const Session*, std::weak_ptr<Session>> open_;
    bool draining_ = false;
};

}  // namespace tidings
