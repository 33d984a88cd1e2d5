// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/immediate_list.hpp>
#include <tidings/bus/impl/subscription/subscription_state.hpp>

#include <mutex>
#include <vector>

namespace tidings::detail {

/// Runs a callback inside `publish`, on the publishing thread, perhaps on several at once. The
/// callback is destroyed when it stands in no list and every call of it has returned.
class immediate_subscription final : public subscription_state, public retirable {
 public:
    immediate_subscription(event_callback_function f, event_filter filter)
        : function_(std::move(f)),
          filter_(std::move(filter)) {}

    TIDINGS_DECL net::any_io_executor executor() const noexcept override;
    TIDINGS_DECL void end_and_wait(completion_handler<error_code> handler) override;
    /// Whether it is called at the moment is seen for the whole bus.
    bool idle() override { return true; }
    TIDINGS_DECL void enter(pattern_entry& entry, retired_list& gone) override;
    TIDINGS_DECL void leave(pattern_entry& entry, retired_list& gone) noexcept override;
    /// It never begins in the past.
    std::shared_ptr<feed_sink> sink() override { return nullptr; }
    event_filter filter() const noexcept override { return filter_; }
    TIDINGS_DECL void reclaim() noexcept override;
    TIDINGS_DECL subscription_counters counters() const noexcept override;

    // For its list, with the bus's mutex held.
    void stands_at(std::uint32_t slot, std::uint64_t walks) noexcept {
        slot_ = slot;
        walks_before_ = walks;
    }
    void moves_to(std::uint32_t slot) noexcept { slot_ = slot; }
    std::uint32_t slot() const noexcept { return slot_; }
    std::uint64_t walks_before() const noexcept { return walks_before_; }
    void count_failure() noexcept { failed_.fetch_add(1, std::memory_order_relaxed); }

 private:
    void on_end(error_code why) noexcept override;
    void release() noexcept override;
    static void call_filtered(void* self, const event_ptr& e);
    std::vector<completion_handler<error_code>> release_callback() noexcept;

    event_callback_function function_;
    const event_filter filter_;
    std::shared_ptr<immediate_subscription> self_;  // while walks may come to it
    std::uint32_t slot_ = 0;                        // guarded by the bus's mutex, as the next
    std::uint64_t walks_before_ = 0;
    std::atomic<std::uint64_t> failed_{0};
    std::atomic<std::uint64_t> called_{0};       // written when it leaves its list
    std::atomic<std::uint64_t> passed_over_{0};  // of the calls, by the filter

    std::mutex mutex_;
    // It stands in no list, and is not called. Guarded by mutex_, as the next, once it was entered.
    bool released_ = true;
    std::vector<completion_handler<error_code>> enders_;
};

}  // namespace tidings::detail
