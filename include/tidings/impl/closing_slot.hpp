// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace tidings::detail {

/// What the handles of a service share. It releases the service's state at `close`, with all that
/// its options captured, which may own one of the handles; at the latest when the last handle is
/// gone. Safe from any thread.
template <class State>
class closing_slot {
 public:
    explicit closing_slot(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
    closing_slot(const closing_slot&) = delete;
    closing_slot& operator=(const closing_slot&) = delete;
    ~closing_slot() { close(); }

    /// Null once it is closed. Requests under way keep it.
    std::shared_ptr<State> get() const noexcept {
        const std::lock_guard lock(mutex_);
        return state_;
    }
    void close() noexcept {
        std::shared_ptr<State> closing;
        {
            const std::lock_guard lock(mutex_);
            closing.swap(state_);
        }
        if (closing) closing->close();
    }

 private:
    mutable std::mutex mutex_;
    std::shared_ptr<State> state_;  // guarded by mutex_
};

/// The state behind a handle; null for one that was moved from, and of a service that is closed.
template <class State>
std::shared_ptr<State> state_of(const std::shared_ptr<closing_slot<State>>& slot) noexcept {
    return slot ? slot->get() : nullptr;
}

}  // namespace tidings::detail
