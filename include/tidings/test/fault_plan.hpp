// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/unique_function.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::test {

/// What is to go wrong with a store or a history that is wrapped.
struct fault {
    static constexpr std::size_t always = std::numeric_limits<std::size_t>::max();

    std::string operation{};  ///< only operations of this name (`append`, `put`) count; empty: all
    std::size_t nth = 1;      ///< which of them fails, counted from now on: 1 is the next
    std::size_t times = 1;    ///< how many in a row fail from there
    /// false: nothing is done. true: it is done, and said to have failed, as by a store whose
    /// answer was lost.
    bool after = false;
    error_code error{};  ///< empty: the one that the interface documents
};

/// Faults of `faulty_outbox`, `faulty_table` and `faulty_history`: what fails, what is not answered
/// yet, and how many operations there were. One plan may serve several wrappers. Thread-safe.
///
/// So every step of what is tested fails once:
///
///     for (std::size_t n = 1;; ++n) {
///         const auto outbox = std::make_shared<tidings::test::faulty_outbox>();
///         outbox->plan().fail({.nth = n});
///         ...
///         if (outbox->plan().failures() == 0) break;
///     }
class fault_plan {
 public:
    void fail(fault f = {}) {
        const std::lock_guard lock(mutex_);
        faults_.push_back(std::move(f));
    }
    /// All is well again: what was planned and has not happened will not.
    void heal() {
        const std::lock_guard lock(mutex_);
        faults_.clear();
    }

    /// From now on operations are done, but their completions are held.
    void hold() {
        const std::lock_guard lock(mutex_);
        holding_ = true;
    }
    /// Lets the oldest completion that is held go; false when there is none.
    bool release_one() {
        const std::lock_guard lock(mutex_);
        if (held_.empty()) return false;
        held_.front()();
        held_.pop_front();
        return true;
    }
    /// Lets all go, in order, and holds no more.
    void release() {
        const std::lock_guard lock(mutex_);
        for (; !held_.empty(); held_.pop_front()) held_.front()();
        holding_ = false;
    }
    /// Destroys what is held, as a store does that never answers. What is held may own the store:
    /// call this, or `release`, before a test ends.
    void discard() {
        std::deque<tidings::unique_function<void()>> ending;  // outside the lock
        const std::lock_guard lock(mutex_);
        ending.swap(held_);
    }
    std::size_t held() const {
        const std::lock_guard lock(mutex_);
        return held_.size();
    }

    /// How many were started, of a name or in all; those that failed are counted, too.
    std::size_t operations(std::string_view name = {}) const {
        const std::lock_guard lock(mutex_);
        if (name.empty()) return operations_;
        const auto it = by_name_.find(name);
        return it == by_name_.end() ? 0 : it->second;
    }
    /// How many failed.
    std::size_t failures() const {
        const std::lock_guard lock(mutex_);
        return failures_;
    }

    /// For wrappers: counts an operation and says what is to go wrong with it.
    std::optional<fault> start(std::string_view name) {
        const std::lock_guard lock(mutex_);
        ++operations_;
        ++by_name_.try_emplace(std::string(name)).first->second;
        std::optional<fault> due;
        for (auto& f : faults_) {
            if (!f.operation.empty() && f.operation != name) continue;
            if (f.nth > 1) {
                --f.nth;
                continue;
            }
            if (f.times != fault::always) --f.times;
            if (!due) due = f;
        }
        std::erase_if(faults_, [](const fault& f) { return f.times == 0; });
        if (due) ++failures_;
        return due;
    }
    /// For wrappers: calls `f`, which posts a completion, now or when it is released.
    void complete(tidings::unique_function<void()> f) {
        const std::lock_guard lock(mutex_);
        if (holding_) return held_.push_back(std::move(f));
        f();
    }

 private:
    mutable std::mutex mutex_;
    std::vector<fault> faults_;
    std::deque<tidings::unique_function<void()>> held_;
    std::map<std::string, std::size_t, std::less<>> by_name_;
    std::size_t operations_ = 0;
    std::size_t failures_ = 0;
    bool holding_ = false;
};

}  // namespace tidings::test
