// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/feed_sink.hpp>
#include <tidings/bus/impl/subscription/queue_subscription.hpp>

namespace tidings::detail {

/// Fills the queue of a callback or receiver from a feed.
class queue_feed_sink final : public feed_sink {
 public:
    explicit queue_feed_sink(std::shared_ptr<queue_subscription> q) : queue_(std::move(q)) {}
    bool ready() noexcept override { return queue_->has_room(); }
    void push(const event_ptr& e) noexcept override { queue_->push_fed(e); }
    void on_dropped(std::uint64_t count) noexcept override { queue_->count_dropped(count); }
    std::shared_ptr<subscription_state> owner() noexcept override { return queue_; }
    void on_feed_end(error_code why) noexcept override { queue_->end(why); }

 private:
    std::shared_ptr<queue_subscription> queue_;
};

}  // namespace tidings::detail
