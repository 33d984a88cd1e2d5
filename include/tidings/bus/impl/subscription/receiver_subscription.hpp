// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/queue_subscription.hpp>
#include <tidings/bus/impl/subscription/receive_turn.hpp>

namespace tidings::detail {

/// The state behind a `receiver`.
class receiver_subscription final : public queue_subscription {
 public:
    /// @param home completes what there was no memory to complete at once
    receiver_subscription(net::any_io_executor executor, std::shared_ptr<lane> home,
                          const subscribe_options& options)
        : queue_subscription(own_mutex_, options),
          home_(std::move(home)),
          executor_(std::move(executor)) {}

    net::any_io_executor executor() const noexcept override { return executor_; }
    TIDINGS_DECL std::optional<event_ptr> try_take();
    TIDINGS_DECL void start(receive_ptr o);
    /// Also while its reader works at what it got: it is idle again when it asks for more.
    TIDINGS_DECL bool idle() override;

 private:
    /// Reads that are to be completed again.
    struct retry final : lane_task {
        void run() noexcept override;
        void drop() noexcept override { const auto last = std::move(whose); }
        std::shared_ptr<receiver_subscription> whose;
    };

    void wake() noexcept override;
    bool at_work() const noexcept override { return waiting_.empty(); }
    void on_end(error_code why) noexcept override;
    void drop_waiting() noexcept override;
    void release() noexcept override { executor_ = ended_executor(); }
    void cancel(std::uint64_t id);
    // With the mutex held.
    bool serve(receive_operation& o) noexcept;
    event_ptr take_counted() noexcept;
    void complete_soon(receive_ptr o) noexcept;

    const std::shared_ptr<lane> home_;
    queue_mutex own_mutex_;
    net::any_io_executor executor_;
    receive_line waiting_;  // guarded by mutex_, as the next
    receive_line late_;     // of which one found no memory to be completed
    retry again_;
    std::uint64_t last_id_ = 0;
    bool reader_works_ = false;  // an operation brought events, and no other was started since
};

}  // namespace tidings::detail
