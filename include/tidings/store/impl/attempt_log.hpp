// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/impl/age.hpp>
#include <tidings/store/impl/message_uses.hpp>
#include <tidings/store/impl/outbox_changes.hpp>
#include <tidings/store/outbox_limits.hpp>

#include <map>
#include <set>

namespace tidings::store::detail {

/// Attempts that are kept to be looked at, bounded in bytes and in age. The oldest go first.
class attempt_log {
 public:
    /// @param uses outlives it
    attempt_log(const outbox_log_limits& limits, message_uses& uses)
        : limits_(limits),
          uses_(uses) {}

    void add(outbox_attempt a) {
        a.key = ++last_key_;
        keep(std::move(a));
        while (!rows_.empty() && bytes_ + uses_.bytes(message_uses::logged) > limits_.max_bytes)
            drop(rows_.begin());
    }
    /// Of one that was kept before, with its key; these rise.
    void restore(outbox_attempt a) {
        start_after(a.key);
        keep(std::move(a));
    }
    /// Keys that were given before are given no more.
    void start_after(std::uint64_t key) noexcept { last_key_ = std::max(last_key_, key); }
    std::uint64_t last_key() const noexcept { return last_key_; }
    /// Null where it is not there any more.
    const outbox_attempt* find(std::uint64_t key) const noexcept {
        const auto it = rows_.find(key);
        return it == rows_.end() ? nullptr : &it->second.attempt;
    }
    /// Notes what changes from here on; outlives it.
    void follow(outbox_changes& c) noexcept { changes_ = &c; }
    /// Drops what is too old, at most so much. How much it was.
    std::size_t retain(outbox_time now, std::size_t max) noexcept {
        std::size_t n = 0;
        for (; n < max && !rows_.empty(); ++n) {
            const auto it = rows_.begin();
            if (!is_of_age(it->second.attempt.at, limits_.max_age, now)) break;
            drop(it);
        }
        return n;
    }
    void erase(const std::string& endpoint) noexcept {
        const auto it = by_endpoint_.find(endpoint);
        if (it == by_endpoint_.end()) return;
        for (auto n = it->second.size(); n != 0; --n) drop(rows_.find(*it->second.begin()));
    }
    std::vector<outbox_attempt> list(const std::string& endpoint, std::uint64_t after,
                                     std::size_t max) const {
        std::vector<outbox_attempt> page;
        if (endpoint.empty()) {
            for (auto it = rows_.upper_bound(after); it != rows_.end() && page.size() < max; ++it)
                page.push_back(it->second.attempt);
        } else if (const auto of = by_endpoint_.find(endpoint); of != by_endpoint_.end()) {
            const auto& keys = of->second;
            for (auto it = keys.upper_bound(after); it != keys.end() && page.size() < max; ++it)
                page.push_back(rows_.at(*it).attempt);
        }
        return page;
    }
    std::size_t size() const noexcept { return rows_.size(); }
    std::size_t bytes() const noexcept { return bytes_ + uses_.bytes(message_uses::logged); }

 private:
    struct row {
        outbox_attempt attempt{};
        std::size_t bytes = 0;
    };
    using row_map = std::map<std::uint64_t, row>;

    void keep(outbox_attempt a) {
        const auto bytes = held_bytes(a);
        const auto& ids = by_endpoint_.try_emplace(a.endpoint).first;
        ids->second.insert(a.key);
        uses_.add(message_uses::logged, a.message);
        bytes_ += bytes;
        const auto key = a.key;
        if (changes_ != nullptr) changes_->note_attempt(key);
        rows_.emplace(key, row{std::move(a), bytes});
    }

    void drop(row_map::iterator it) noexcept {
        if (changes_ != nullptr) changes_->note_attempt(it->first);
        const auto of = by_endpoint_.find(it->second.attempt.endpoint);
        of->second.erase(it->first);
        if (of->second.empty()) by_endpoint_.erase(of);
        bytes_ -= it->second.bytes;
        uses_.remove(message_uses::logged, std::move(it->second.attempt.message));
        rows_.erase(it);
    }

    const outbox_log_limits limits_;
    message_uses& uses_;
    outbox_changes* changes_ = nullptr;
    row_map rows_;
    std::map<std::string, std::set<std::uint64_t>, std::less<>> by_endpoint_;
    std::size_t bytes_ = 0;
    std::uint64_t last_key_ = 0;
};

}  // namespace tidings::store::detail
