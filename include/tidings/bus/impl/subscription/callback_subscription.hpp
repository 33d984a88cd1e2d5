// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/posting_lane.hpp>
#include <tidings/bus/impl/subscription/queue_subscription.hpp>
#include <tidings/lane/impl/lane_completion.hpp>
#include <tidings/log.hpp>

#include <vector>

namespace tidings::detail {

using event_callback_function = unique_function<void(const event_ptr&)>;

/// Runs a callback on its executor, one call at a time. The callback is destroyed when the
/// subscription has ended and no call is under way.
class callback_subscription final : public queue_subscription, public posting_hook {
 public:
    callback_subscription(std::shared_ptr<posting_lane> l, const subscribe_options& options,
                          event_callback_function f, log_sink log)
        : queue_subscription(l->mutex(), options),
          lane_(std::move(l)),
          max_batch_(options.max_batch == 0 ? 1 : options.max_batch),
          function_(std::move(f)),
          log_(std::move(log)) {}

    net::any_io_executor executor() const noexcept override { return lane_->executor(); }
    TIDINGS_DECL void end_and_wait(completion_handler<error_code> handler) override;
    TIDINGS_DECL bool idle() override;

 private:
    friend class posting_lane;
    using ender = lane_completion<error_code>;
    /// `waiting` in a list of its lane; `called`: an event was taken for it.
    enum class stage : std::uint8_t { idle, waiting, called };

    void wake() noexcept override { lane_->wake(*this); }
    bool at_work() const noexcept override { return stage_ == stage::called; }
    void put_back_ahead() noexcept override { lane_->put_back_ahead(*this); }
    void on_end(error_code why) noexcept override;
    void drop_waiting() noexcept override;
    void release() noexcept override;

    // For its lane: in a turn.
    void call(event_ptr e) noexcept;
    /// It has ended, and is not called any more.
    void finish() noexcept;
    /// Counts a call; whether others have their turn now.
    bool has_had_enough(std::uint64_t turn) noexcept {
        if (std::exchange(turn_, turn) != turn) calls_ = 0;
        return ++calls_ >= max_batch_;
    }
    void retire() noexcept;

    const std::shared_ptr<posting_lane> lane_;
    const std::size_t max_batch_;
    event_callback_function function_;
    const log_sink log_;
    // The lane's mutex guards what follows.
    stage stage_ = stage::idle;
    std::uint64_t turn_ = 0;  // in which it was called last, and how often
    std::size_t calls_ = 0;
    std::shared_ptr<callback_subscription> self_;  // of one that ended while it was called
    std::vector<std::shared_ptr<ender>> enders_;
};

}  // namespace tidings::detail
