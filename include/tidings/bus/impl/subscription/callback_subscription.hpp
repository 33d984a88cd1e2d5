// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/queue_subscription.hpp>
#include <tidings/log.hpp>

#include <vector>

namespace tidings::detail {

using event_callback_function = unique_function<void(const event_ptr&)>;

/// Runs a callback on its executor, one call at a time, a batch per post.
class callback_subscription final : public queue_subscription {
 public:
    callback_subscription(net::any_io_executor executor, const subscribe_options& options,
                          event_callback_function f, log_sink log)
        : queue_subscription(std::move(executor), options),
          max_batch_(options.max_batch == 0 ? 1 : options.max_batch),
          function_(std::move(f)),
          log_(std::move(log)) {}

    TIDINGS_DECL void end_and_wait(completion_handler<error_code> handler) override;
    TIDINGS_DECL bool idle() override;

 private:
    void wake() override;
    void release() noexcept override;
    void run();
    void call(const event_ptr& e) noexcept;
    bool end_batch();

    std::size_t max_batch_;
    event_callback_function function_;
    log_sink log_;
    bool scheduled_ = false;  // a run is posted or running; guarded by mutex_
    std::vector<completion_handler<error_code>> enders_;  // guarded by mutex_
};

}  // namespace tidings::detail
