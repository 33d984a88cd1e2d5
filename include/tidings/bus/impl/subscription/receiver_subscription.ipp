// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/receiver_subscription.hpp>

#include <boost/asio/error.hpp>

#include <new>

namespace tidings::detail {

std::optional<event_ptr> receiver_subscription::try_take() {
    const std::lock_guard lock(mutex_);
    auto e = take();
    if (!e) return std::nullopt;
    if (counts(e)) add(delivered);
    return e;
}

namespace {

// For one more. What there is no memory for stays in the queue.
bool make_room(std::vector<event_ptr>& batch) noexcept {
    try {
        if (batch.size() == batch.capacity()) batch.reserve(2 * batch.size() + 1);
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

}  // namespace

std::vector<event_ptr> receiver_subscription::take_batch(std::size_t max) {
    std::vector<event_ptr> batch;
    while (batch.size() < max && more() && make_room(batch)) {
        auto e = take();
        if (!e) break;
        if (counts(e)) add(delivered);
        batch.push_back(std::move(e));
    }
    if (!batch.empty()) reader_works_ = true;
    return batch;
}

bool receiver_subscription::idle() {
    const std::lock_guard lock(mutex_);
    return !more() && caught_up() && (!reader_works_ || !waiting_.empty());
}

void receiver_subscription::start(std::size_t max, receive_handler handler) {
    const std::lock_guard lock(mutex_);
    if (!active()) return std::move(handler)(error(), std::vector<event_ptr>());
    reader_works_ = false;
    if (max == 0) max = 1;
    if (waiting_.empty()) {
        if (auto batch = take_batch(max); !batch.empty())
            return std::move(handler)(error_code(), std::move(batch));
    }
    const auto id = ++last_id_;
    if (auto slot = handler.cancellation_slot(); slot.is_connected())
        slot.assign([weak = weak_from_this(), id](net::cancellation_type) {
            if (const auto self = weak.lock())
                static_cast<receiver_subscription&>(*self).cancel(id);
        });
    waiting_.push_back({id, max, std::move(handler)});
}

void receiver_subscription::cancel(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
        if (it->id != id) continue;
        auto handler = std::move(it->handler);
        waiting_.erase(it);
        return std::move(handler)(error_code(net::error::operation_aborted),
                                  std::vector<event_ptr>());
    }
}

void receiver_subscription::wake() {
    while (!waiting_.empty()) {
        auto batch = take_batch(waiting_.front().max);
        if (batch.empty()) return;
        auto handler = std::move(waiting_.front().handler);
        waiting_.pop_front();
        std::move(handler)(error_code(), std::move(batch));
    }
}

std::list<receiver_subscription::reader> receiver_subscription::take_readers() noexcept {
    const std::lock_guard lock(mutex_);
    return std::exchange(waiting_, {});
}

void receiver_subscription::on_end(error_code why) noexcept {
    queue_subscription::on_end(why);
    for (auto& r : take_readers()) std::move(r.handler)(why, std::vector<event_ptr>());
}

// A handler may own the coroutine that owns the receiver: it ends outside the lock.
void receiver_subscription::drop_waiting() noexcept {
    queue_subscription::drop_waiting();
    take_readers();
}

}  // namespace tidings::detail
