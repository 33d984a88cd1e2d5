// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/feed.hpp>
#include <tidings/bus/impl/queue_feed_sink.hpp>
#include <tidings/bus/impl/subscription/queue_subscription.hpp>

#include <new>

namespace tidings::detail {

outcome queue_subscription::push(const event_ptr& e, graveyard& gone,
                                 std::unique_lock<std::mutex>& held) noexcept {
    if (held.mutex() != &mutex_) {
        held = {};  // never two at once
        held = std::unique_lock(mutex_);
    }
    return push_locked(e, gone);
}

outcome queue_subscription::drop_here() noexcept {
    queue_.miss(1);
    bump(dropped);
    return outcome::dropped;
}

outcome queue_subscription::push_locked(const event_ptr& e, graveyard& gone) noexcept {
    if (!active() || !wants(e)) return outcome::closed;
    if (ahead_ != 0) put_back_ahead();
    bump(matched);
    // Behind publishers that wait, there is no room even when the queue has some.
    if (!waiters_.empty()) return drop_here();
    const auto result = queue_.push(e, gone);
    if (result.dropped != 0) bump(dropped, result.dropped);
    if (!result.overflowed) {
        wake();
        return result.result;
    }
    try {
        // Ending takes the bus's lock, which our caller may hold.
        net::post(executor(), [self = shared_from_this()] { self->end(errc::lagging); });
        takes_ = intake::nothing;
    } catch (const std::bad_alloc&) {
        return result.result;  // with the next event
    }
    return outcome::dropped;
}

void queue_subscription::push(const event_ptr& e, std::shared_ptr<delivery_join> join,
                              const std::shared_ptr<lane>& l, graveyard& gone) noexcept {
    const std::lock_guard lock(mutex_);
    if (ahead_ != 0) put_back_ahead();
    if (policy_ != overflow::backpressure || !active() || !wants(e) ||
        (waiters_.empty() && queue_.fits(queue_cost(e)))) {
        const auto result = push_locked(e, gone);
        return join->finished(result == outcome::dropped ? errc::overflow : error_code(), result);
    }
    bump(matched);
    try {
        if (!wait_for_room(e, join, l))
            join->finished(net::error::operation_aborted, outcome::dropped);
    } catch (const std::bad_alloc&) {
        join->finished(errc::overflow, drop_here());
    }
}

struct queue_subscription::deadline final : wheel_timer, lane_task {
    using wheel_timer::wheel_timer;
    void run() noexcept override {
        const auto last = std::move(posted);
        cancel();
    }
    void drop() noexcept override { const auto last = std::move(posted); }

    std::shared_ptr<deadline> posted{};  // itself
};

// Once, when it leaves the line.
void queue_subscription::cancel_in_lane(waiter& w) noexcept {
    auto& timer = *w.timer;
    timer.posted = std::move(w.timer);
    w.home->post(timer);
}

// False where its publisher has cancelled.
bool queue_subscription::wait_for_room(const event_ptr& e,
                                       const std::shared_ptr<delivery_join>& join,
                                       const std::shared_ptr<lane>& l) {
    const auto expiry = [weak = weak_from_this(), key = e.get()] {
        if (const auto self = weak.lock()) static_cast<queue_subscription&>(*self).expire(key);
    };
    if (!join->on_cancel(expiry)) {
        bump(dropped);
        return false;
    }
    auto timer = std::make_shared<deadline>(expiry);
    std::list<waiter> last;
    last.push_back({e, join, timer, l});
    l->post([timer, home = l.get(), after = deadline_] { timer->arm(home->timers(), after); });
    waiters_.splice(waiters_.end(), last);
    return true;
}

void queue_subscription::enter(pattern_entry& entry, retired_list&) {
    entry.add(shared_as<queue_subscription>());
}

void queue_subscription::leave(pattern_entry& entry, retired_list&) noexcept {
    entry.remove(this);
}

std::shared_ptr<feed_sink> queue_subscription::sink() {
    return std::make_shared<queue_feed_sink>(shared_as<queue_subscription>());
}

void queue_subscription::follow(const std::shared_ptr<feed>& source) {
    const std::lock_guard lock(mutex_);
    source_ = source;
}

bool queue_subscription::caught_up() const noexcept {
    const auto source = source_.lock();
    return !source || source->live();
}

// Those that there is no memory for wait until the next event is taken, or their deadline.
void queue_subscription::admit_waiters() noexcept {
    while (!waiters_.empty() && queue_.fits(queue_cost(waiters_.front().event))) {
        try {
            queue_.push_over(waiters_.front().event);  // it fits
        } catch (const std::bad_alloc&) {
            return;
        }
        auto w = std::move(waiters_.front());
        waiters_.pop_front();
        w.join->finished({}, outcome::queued);
        cancel_in_lane(w);
    }
}

void queue_subscription::expire(const publication* e) {
    std::list<waiter> expired;  // goes after the lock
    const std::lock_guard lock(mutex_);
    for (auto it = waiters_.begin(); it != waiters_.end(); ++it) {
        if (it->event.get() != e) continue;
        queue_.miss(1);
        bump(dropped);
        it->join->finished(errc::overflow, outcome::dropped);
        cancel_in_lane(*it);
        return expired.splice(expired.begin(), waiters_, it);
    }
}

bool queue_subscription::has_room() noexcept {
    const std::lock_guard lock(mutex_);
    const bool room = queue_.has_room();
    wants_room_ = !room;
    return room;
}

void queue_subscription::push_fed(const event_ptr& e) noexcept {
    const std::lock_guard lock(mutex_);
    if (!active()) return;
    if (counts(e)) bump(matched);
    try {
        queue_.push_over(e);
    } catch (const std::bad_alloc&) {
        queue_.miss(1);
        bump(dropped);
    }
    wake();
}

event_ptr queue_subscription::take() noexcept {
    auto e = queue_.pop();
    if (e && !waiters_.empty()) admit_waiters();
    if (wants_room_ && queue_.has_room()) {
        const auto source = source_.lock();
        wants_room_ = source && !source->pump_later();
    }
    return e;
}

std::list<queue_subscription::waiter> queue_subscription::empty_out() noexcept {
    std::list<waiter> waiting;
    {
        const std::lock_guard lock(mutex_);
        if (ahead_ != 0) put_back_ahead();
        waiting.swap(waiters_);
        source_.reset();
    }
    add(discarded, waiting.size());
    discard_all(queue_, mutex_, discarded);
    return waiting;
}

void queue_subscription::empty_out_and_tell(error_code why) noexcept {
    for (auto& w : empty_out()) {
        w.join->finished(why, outcome::closed);
        cancel_in_lane(w);
    }
}

void queue_subscription::on_end(error_code why) noexcept {
    empty_out_and_tell(why);
}

// The timers that their events wait for are the bus's, whose context may live on.
void queue_subscription::turn_away() noexcept {
    empty_out_and_tell(errc::closed);
}

void queue_subscription::drop_waiting() noexcept {
    empty_out();
}

}  // namespace tidings::detail
