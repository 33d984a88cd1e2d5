// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/receiver_subscription.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <new>

namespace tidings::detail {

std::optional<event_ptr> receiver_subscription::try_take() {
    const std::lock_guard lock(mutex_);
    auto e = active() ? take_counted() : event_ptr();  // what is left may be another member's
    if (!e) return std::nullopt;
    return e;
}

event_ptr receiver_subscription::take_counted() noexcept {
    auto e = take();
    if (e && counts(e)) bump(delivered);
    return e;
}

namespace {

// For one more, and where memory allows it for so many in all. What there is none for stays in the
// queue.
bool make_room(std::vector<event_ptr>& batch, std::size_t in_all) noexcept {
    const auto size = batch.size();
    if (size != batch.capacity()) return true;
    for (auto wanted = std::max(in_all, 2 * size + 1);; wanted = size + 1) {
        try {
            batch.reserve(wanted);
            return true;
        } catch (const std::bad_alloc&) {
            if (wanted == size + 1) return false;
        }
    }
}

}  // namespace

// Gives a read what there is; false where there is nothing.
bool receiver_subscription::serve(receive_operation& o) noexcept {
    if (o.most == 0) {
        o.event = take_counted();
    } else {
        while (o.batch.size() < o.most && more() &&
               make_room(o.batch, std::min(o.most, queued()))) {
            auto e = take_counted();
            if (!e) break;
            o.batch.push_back(std::move(e));
        }
    }
    if (!o.served()) return false;
    reader_works_ = true;
    return true;
}

bool receiver_subscription::idle() {
    const std::lock_guard lock(mutex_);
    return !more() && caught_up() && (!reader_works_ || !waiting_.empty());
}

void receiver_subscription::start(receive_ptr o) {
    const std::lock_guard lock(mutex_);
    reader_works_ = false;
    if (!active()) {
        o->error = error();
        return complete_soon(std::move(o));
    }
    if (waiting_.empty() && serve(*o)) return complete_soon(std::move(o));
    o->id = ++last_id_;
    if (auto slot = o->cancellation_slot(); slot.is_connected())
        slot.assign([weak = weak_from_this(), id = o->id](net::cancellation_type) {
            if (const auto self = weak.lock())
                static_cast<receiver_subscription&>(*self).cancel(id);
        });
    waiting_.push_back(std::move(o));
}

void receiver_subscription::cancel(std::uint64_t id) {
    receive_ptr o;
    const std::lock_guard lock(mutex_);
    o = waiting_.remove(id);
    if (!o) return;
    o->error = net::error::operation_aborted;
    complete_soon(std::move(o));
}

void receiver_subscription::wake() noexcept {
    while (!waiting_.empty() && serve(waiting_.front())) complete_soon(waiting_.pop_front());
}

// Each in its turn.
void receiver_subscription::complete_soon(receive_ptr o) noexcept {
    const bool waits = !late_.empty();
    if (!waits && complete(o, executor_)) return;
    late_.push_back(std::move(o));
    if (waits) return;
    again_.whose = shared_as<receiver_subscription>();
    home_->post(again_);
}

void receiver_subscription::retry::run() noexcept {
    const auto s = std::exchange(whose, nullptr);
    const std::lock_guard lock(s->mutex_);
    for (auto late = std::exchange(s->late_, {}); !late.empty();)
        s->complete_soon(late.pop_front());
}

void receiver_subscription::on_end(error_code why) noexcept {
    queue_subscription::on_end(why);
    const std::lock_guard lock(mutex_);
    while (!waiting_.empty()) {
        auto o = waiting_.pop_front();
        o->error = why;
        complete_soon(std::move(o));
    }
}

// A handler may own the coroutine that owns the receiver: it ends outside the lock.
void receiver_subscription::drop_waiting() noexcept {
    queue_subscription::drop_waiting();
    receive_line waiting, late;
    const std::lock_guard lock(mutex_);
    waiting = std::exchange(waiting_, {});
    late = std::exchange(late_, {});
}

}  // namespace tidings::detail
