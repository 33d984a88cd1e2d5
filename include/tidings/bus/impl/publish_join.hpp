// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus.hpp>
#include <tidings/lane/impl/lane.hpp>

#include <boost/asio/error.hpp>

#include <mutex>
#include <utility>
#include <vector>

namespace tidings::detail {

/// What one `async_publish` waits for, and its receipt. Completes when the publisher and everything
/// it expects have finished. Safe from any thread.
class publish_join final : public delivery_join, public std::enable_shared_from_this<publish_join> {
 public:
    explicit publish_join(publish_handler handler) : handler_(std::move(handler)) {}

    /// Once, before anything is expected: a terminal cancellation completes with
    /// operation_aborted and what is known by then.
    void listen_for_cancellation() {
        if (auto slot = handler_.cancellation_slot(); slot.is_connected())
            slot.assign([weak = weak_from_this()](net::cancellation_type type) {
                const bool terminal =
                    (type & net::cancellation_type::terminal) != net::cancellation_type::none;
                if (const auto self = weak.lock(); self && terminal) self->cancel();
            });
    }

    void expect(std::size_t more) noexcept {
        const std::lock_guard lock(mutex_);
        pending_ += more;
    }
    /// Immediate callbacks that were called.
    void delivered(std::size_t count) noexcept {
        const std::lock_guard lock(mutex_);
        receipt_.matched += count;
        receipt_.delivered += count;
    }
    void finished(error_code ec, outcome o) noexcept override {
        const std::lock_guard lock(mutex_);
        receipt_.count(o);
        // A bound that was reached, or a subscriber that left, is in the counts.
        const bool counted = ec == errc::overflow || ec == errc::closed;
        if (ec && !counted && !receipt_.error) receipt_.error = ec;
        leave();
    }
    void skipped() noexcept override {
        const std::lock_guard lock(mutex_);
        leave();
    }
    bool on_cancel(unique_function<void()> f) override {
        const std::lock_guard lock(mutex_);
        if (!cancelled_) waiting_.push_back(std::move(f));
        return !cancelled_;
    }
    /// The history has given the event back and the bus has handed it on, or never will.
    void dispatched(error_code ec = {}) noexcept {
        const std::lock_guard lock(mutex_);
        if (ec) receipt_.error = ec;
        leave();
    }
    void durable(error_code ec, const position& p) noexcept {
        const std::lock_guard lock(mutex_);
        if (ec)
            receipt_.error = ec;
        else if (!p.empty())
            receipt_.position = p;
        leave();
    }
    /// The publisher has dispatched it.
    void publisher_done(error_code ec, const std::optional<position>& p) noexcept {
        const std::lock_guard lock(mutex_);
        if (ec) receipt_.error = ec;
        if (p) receipt_.position = p;
        leave();
    }

 private:
    void cancel() noexcept {
        std::vector<unique_function<void()>> waiting;
        {
            const std::lock_guard lock(mutex_);
            if (std::exchange(cancelled_, true)) return;
            receipt_.error = net::error::operation_aborted;
            complete();
            waiting.swap(waiting_);
        }
        for (auto& f : waiting) f();
    }
    void leave() noexcept {
        if (--pending_ == 0) complete();
    }
    void complete() noexcept {
        if (handler_) std::exchange(handler_, publish_handler())(receipt_.error, receipt_);
    }

    std::mutex mutex_;
    publish_handler handler_;
    receipt receipt_;
    std::size_t pending_ = 1;
    bool cancelled_ = false;
    std::vector<unique_function<void()>> waiting_;  // targets to notify of a cancellation
};

}  // namespace tidings::detail
