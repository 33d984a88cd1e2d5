// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/counted_subscription.hpp>
#include <tidings/log.hpp>
#include <tidings/overflow.hpp>
#include <tidings/reply.hpp>
#include <tidings/unique_function.hpp>

#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace tidings::detail {

class pending_request;
class request_desk;
using responder_function = unique_function<void(const event_ptr&, reply)>;

/// Answers requests: a bounded queue of them, and a function that is called on its executor, one
/// call at a time. It stands in no list of publications.
class responder_subscription final : public counted_subscription {
 public:
    responder_subscription(net::any_io_executor executor, std::string_view pattern,
                           responder_function f, const queue_limits& limits, log_sink log,
                           std::weak_ptr<request_desk> desk)
        : pattern_(pattern),
          limits_(limits),
          log_(std::move(log)),
          desk_(std::move(desk)),
          executor_(std::move(executor)),
          function_(std::move(f)) {}

    const std::string& pattern() const noexcept { return pattern_; }
    net::any_io_executor executor() const noexcept override { return executor_; }
    /// @error errc::closed, errc::overflow, errc::out_of_memory: it was not taken
    TIDINGS_DECL error_code push(const event_ptr& e,
                                 const std::shared_ptr<pending_request>& r) noexcept;
    /// One that it was called with is over.
    void answered() noexcept { --unanswered_; }

    /// Also while an answer of it is awaited.
    TIDINGS_DECL bool idle() override;
    TIDINGS_DECL void end_and_wait(completion_handler<error_code> handler) override;
    void enter(pattern_entry&, retired_list&) override {}
    void leave(pattern_entry&, retired_list&) noexcept override {}
    std::shared_ptr<feed_sink> sink() override { return nullptr; }

 private:
    static constexpr std::size_t max_batch = 64;
    struct job {
        event_ptr event;
        std::shared_ptr<pending_request> request;
    };
    using jobs = std::list<job>;  // a deque cannot be emptied without memory

    void schedule();
    void run();
    std::optional<job> take();
    void call(const job& j) noexcept;
    bool end_batch();
    jobs empty_out() noexcept;
    void pass_on() noexcept;
    void on_end(error_code why) noexcept override;
    void turn_away() noexcept override { pass_on(); }
    void drop_waiting() noexcept override { empty_out(); }
    void release() noexcept override;

    const std::string pattern_;
    const queue_limits limits_;
    const log_sink log_;
    const std::weak_ptr<request_desk> desk_;
    net::any_io_executor executor_;
    std::atomic<std::size_t> unanswered_{0};
    std::mutex mutex_;  // guards what follows
    responder_function function_;
    jobs jobs_;
    std::size_t bytes_ = 0;   // of their events
    bool scheduled_ = false;  // a run is posted or running
    std::vector<completion_handler<error_code>> enders_;
};

}  // namespace tidings::detail
