// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/publish_join.hpp>
#include <tidings/impl/context_end.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace tidings::detail {

/// Each `async_publish` of a bus whose event its history was given: the bus is told of the commit,
/// and the publisher's append completes, in either order. What the history holds of it is this
/// alone, so that a history may outlive the context, which ends what waits here.
/// Thread-safe.
class uncommitted final : public context_dependent {
 public:
    void add(std::uint64_t number, std::shared_ptr<publish_join> join) {
        const std::lock_guard lock(mutex_);
        entries_.emplace(number, entry{std::move(join)});
        size_ = entries_.size();
    }

    /// The bus was told of it: whose it is, once; null when it is nobody's.
    std::shared_ptr<publish_join> take(std::uint64_t number) noexcept {
        if (size_ == 0) return {};  // nearly always
        const std::lock_guard lock(mutex_);
        const auto it = entries_.find(number);
        if (it == entries_.end() || std::exchange(it->second.told, true)) return {};
        return settle(it);
    }

    /// The history has it, or never will.
    void kept(std::uint64_t number, error_code ec, const position& p) noexcept {
        std::shared_ptr<publish_join> join;
        {
            const std::lock_guard lock(mutex_);
            const auto it = entries_.find(number);
            if (it == entries_.end()) return;
            it->second.kept = true;
            join = settle(it);
        }
        join->kept(ec, p);
    }

    /// The bus will not be told any more.
    void close() noexcept {
        const std::lock_guard lock(mutex_);
        for (auto it = entries_.begin(); it != entries_.end();) {
            const auto here = it++;
            if (std::exchange(here->second.told, true)) continue;
            settle(here)->dispatched(errc::closed);
        }
    }

    void on_context_end() noexcept override {
        entry_map gone;  // ends outside the mutex
        const std::lock_guard lock(mutex_);
        gone.swap(entries_);
        size_ = 0;
    }

 private:
    struct entry {
        std::shared_ptr<publish_join> join{};
        bool told = false;
        bool kept = false;
    };
    using entry_map = std::unordered_map<std::uint64_t, entry>;

    // With the mutex held.
    std::shared_ptr<publish_join> settle(entry_map::iterator it) noexcept {
        auto join = it->second.join;
        if (it->second.told && it->second.kept) entries_.erase(it);
        size_ = entries_.size();
        return join;
    }

    std::mutex mutex_;
    entry_map entries_;                 // by number
    std::atomic<std::size_t> size_{0};  // changed with the mutex held
};

}  // namespace tidings::detail
