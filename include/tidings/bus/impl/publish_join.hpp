// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus.hpp>
#include <tidings/lane/impl/lane.hpp>

#include <mutex>

namespace tidings::detail {

/// What one `async_publish` waits for, and its receipt. Completes when the publisher and everything
/// it expects have finished. Safe from any thread.
class publish_join final : public delivery_join {
 public:
    explicit publish_join(publish_handler handler) : handler_(std::move(handler)) {}

    void expect(std::size_t more) noexcept {
        const std::lock_guard lock(mutex_);
        pending_ += more;
    }
    void count(outcome o) noexcept {
        const std::lock_guard lock(mutex_);
        receipt_.count(o);
    }
    void finished(error_code ec, outcome o) noexcept override {
        const std::lock_guard lock(mutex_);
        receipt_.count(o);
        // A bound that was reached, or a subscriber that left, is in the counts.
        const bool counted = ec == errc::overflow || ec == errc::timed_out || ec == errc::closed;
        if (ec && !counted && !receipt_.error) receipt_.error = ec;
        leave();
    }
    void skipped() noexcept override {
        const std::lock_guard lock(mutex_);
        leave();
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
    void leave() noexcept {
        if (--pending_ == 0) std::move(handler_)(receipt_.error, std::move(receipt_));
    }

    std::mutex mutex_;
    publish_handler handler_;
    receipt receipt_;
    std::size_t pending_ = 1;
};

}  // namespace tidings::detail
