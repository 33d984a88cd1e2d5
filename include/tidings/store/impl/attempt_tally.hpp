// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/impl/age.hpp>
#include <tidings/store/impl/held_bytes.hpp>
#include <tidings/store/impl/outbox_changes.hpp>
#include <tidings/store/outbox_attempt_counts.hpp>
#include <tidings/store/outbox_limits.hpp>

#include <algorithm>
#include <bit>
#include <iterator>
#include <map>
#include <set>
#include <vector>

namespace tidings::store::detail {

/// The minute of a time; of one before 1970 the first of that year.
inline outbox_minute minute_of(outbox_time at) noexcept {
    return std::chrono::floor<std::chrono::minutes>(std::max(at, outbox_time()));
}

/// Counts an attempt. A latency over a day counts as a day.
inline void count_attempt(outbox_attempt_counts& to, bool succeeded,
                          std::chrono::microseconds took) noexcept {
    using std::chrono::microseconds;
    if (!succeeded) {
        ++to.failed;
        return;
    }
    took = std::clamp(took, microseconds(0), microseconds(std::chrono::days(1)));
    ++to.succeeded;
    to.total += took;
    to.longest = std::max(to.longest, took);
    const auto up =
        static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(took).count());
    const auto index = static_cast<std::size_t>(std::bit_width(up == 0 ? up : up - 1));
    ++to.latencies[std::min(index, outbox_attempt_counts::latency_classes - 1)];
}

/// How often the entries of each endpoint were attempted, by minute, bounded in bytes and in age.
/// The oldest minutes go first, of whichever endpoint.
class attempt_tally {
 public:
    /// The minutes of one endpoint.
    struct endpoint {
        const std::string* id = nullptr;
        std::map<outbox_minute, outbox_attempt_counts> minutes{};
    };

    explicit attempt_tally(const outbox_log_limits& limits) : limits_(limits) {}

    /// The counts of a minute, which are made where there are none. Where it throws, nothing is
    /// changed.
    outbox_attempt_counts& open(endpoint& e, outbox_minute minute) {
        auto& all = e.minutes;
        if (!all.empty() && std::prev(all.end())->first == minute)
            return std::prev(all.end())->second;
        const auto [it, is_new] = all.try_emplace(minute);
        if (!is_new) return it->second;
        it->second.minute = minute;
        if (it == all.begin()) enter(e);
        ++size_;
        return it->second;
    }
    /// Writes down that counts of an endpoint have changed.
    void note(const endpoint& e, outbox_minute minute) noexcept {
        if (changes_ != nullptr) changes_->note_minute(*e.id, minute);
    }
    /// Drops what is too much.
    void trim() noexcept {
        while (bytes() > limits_.max_bytes) drop_oldest();
    }
    /// Drops what is too old, at most so many minutes. How many it was.
    std::size_t retain(outbox_time now, std::size_t max) noexcept {
        const auto minute = minute_of(now);
        std::size_t n = 0;
        for (; n < max && !oldest_.empty(); ++n) {
            const auto end = oldest_.begin()->first + std::chrono::minutes(1);
            if (!is_of_age(end, limits_.max_age, minute)) break;
            drop_oldest();
        }
        return n;
    }
    void erase(endpoint& e) noexcept {
        if (e.minutes.empty()) return;
        if (changes_ != nullptr) changes_->note_no_minutes(*e.id);
        oldest_.erase({e.minutes.begin()->first, &e});
        size_ -= e.minutes.size();
        e.minutes.clear();
    }
    static std::vector<outbox_attempt_counts> list(const endpoint& e,
                                                   const outbox_counts_selection& s) {
        std::vector<outbox_attempt_counts> page;
        auto it = e.minutes.upper_bound(std::chrono::floor<std::chrono::minutes>(s.after));
        for (; it != e.minutes.end() && it->first < s.before; ++it) {
            if (page.size() >= s.max_minutes) break;
            page.push_back(it->second);
        }
        return page;
    }
    /// Notes what changes from here on; outlives it.
    void follow(outbox_changes& c) noexcept { changes_ = &c; }
    std::size_t size() const noexcept { return size_; }
    std::size_t bytes() const noexcept { return size_ * each_bytes; }

 private:
    static constexpr std::size_t each_bytes = sizeof(outbox_attempt_counts) + node_bytes;
    using order = std::set<std::pair<outbox_minute, endpoint*>>;

    // Its first minute is a new one, which is older than those it has.
    void enter(endpoint& e) {
        const auto first = e.minutes.begin();
        if (const auto second = std::next(first); second != e.minutes.end()) {
            auto node = oldest_.extract({second->first, &e});
            node.value().first = first->first;
            oldest_.insert(std::move(node));
            return;
        }
        try {
            oldest_.insert({first->first, &e});
        } catch (...) {
            e.minutes.erase(first);
            throw;
        }
    }

    void drop_oldest() noexcept {
        auto node = oldest_.extract(oldest_.begin());
        auto& e = *node.value().second;
        note(e, node.value().first);
        e.minutes.erase(e.minutes.begin());
        --size_;
        if (e.minutes.empty()) return;
        node.value().first = e.minutes.begin()->first;
        oldest_.insert(std::move(node));
    }

    const outbox_log_limits limits_;
    outbox_changes* changes_ = nullptr;
    order oldest_;  // by the first minute of each endpoint
    std::size_t size_ = 0;
};

}  // namespace tidings::store::detail
