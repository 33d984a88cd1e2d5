// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/subscription_state.hpp>
#include <tidings/log.hpp>

#include <mutex>
#include <vector>

namespace tidings::detail {

using event_callback_function = unique_function<void(const event_ptr&)>;

/// Runs a callback inside `publish`, on the publishing thread, perhaps on several at once.
class immediate_subscription final : public subscription_state {
 public:
    immediate_subscription(net::any_io_executor executor, event_callback_function f, log_sink log)
        : subscription_state(std::move(executor)),
          function_(std::move(f)),
          log_(std::move(log)) {}

    TIDINGS_DECL outcome call(const event_ptr& e) noexcept;
    TIDINGS_DECL void end_and_wait(completion_handler<error_code> handler) override;
    TIDINGS_DECL bool idle() override;
    TIDINGS_DECL void enter(pattern_entry& entry) override;
    TIDINGS_DECL void leave(pattern_entry& entry) noexcept override;
    /// It never begins in the past.
    std::shared_ptr<feed_sink> sink() override { return nullptr; }

 private:
    void on_end(error_code) noexcept override {}
    void release() noexcept override;
    void end_call() noexcept;

    event_callback_function function_;
    log_sink log_;
    std::mutex mutex_;
    std::size_t running_ = 0;  // guarded by mutex_, as the next
    std::vector<completion_handler<error_code>> enders_;
};

}  // namespace tidings::detail
