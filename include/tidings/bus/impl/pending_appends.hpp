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

/// Each `async_publish` of a bus whose event its history was given: the bus dispatches it at the
/// commit, and the publisher's append completes, in either order. The history refers to it by this
/// object alone, so that a history may outlive the context, which ends what is pending here.
/// Thread-safe.
class pending_appends final : public context_dependent {
 public:
    void add(std::uint64_t number, std::shared_ptr<publish_join> join) {
        const std::lock_guard lock(mutex_);
        entries_.emplace(number, entry{std::move(join)});
        size_ = entries_.size();
    }

    /// The bus dispatches it: its join, once; null when no publisher waits for it.
    std::shared_ptr<publish_join> take(std::uint64_t number) noexcept {
        if (size_ == 0) return {};  // nearly always
        const std::lock_guard lock(mutex_);
        const auto it = entries_.find(number);
        if (it == entries_.end() || std::exchange(it->second.dispatched, true)) return {};
        return settle(it);
    }

    /// The history has it, or never will.
    void durable(std::uint64_t number, error_code ec, const position& p) noexcept {
        std::shared_ptr<publish_join> join;
        {
            const std::lock_guard lock(mutex_);
            const auto it = entries_.find(number);
            if (it == entries_.end()) return;
            it->second.durable = true;
            join = settle(it);
        }
        join->durable(ec, p);
    }

    /// Nothing will be dispatched any more.
    void close() noexcept {
        const std::lock_guard lock(mutex_);
        for (auto it = entries_.begin(); it != entries_.end();) {
            const auto here = it++;
            if (std::exchange(here->second.dispatched, true)) continue;
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
        bool dispatched = false;
        bool durable = false;
    };
    using entry_map = std::unordered_map<std::uint64_t, entry>;

    // With the mutex held.
    std::shared_ptr<publish_join> settle(entry_map::iterator it) noexcept {
        auto join = it->second.join;
        if (it->second.dispatched && it->second.durable) entries_.erase(it);
        size_ = entries_.size();
        return join;
    }

    std::mutex mutex_;
    entry_map entries_;                 // by number
    std::atomic<std::size_t> size_{0};  // changed with the mutex held
};

}  // namespace tidings::detail
