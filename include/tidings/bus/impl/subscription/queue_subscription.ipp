// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/feed.hpp>
#include <tidings/bus/impl/group/group_seat.hpp>
#include <tidings/bus/impl/queue_feed_sink.hpp>
#include <tidings/bus/impl/subscription/queue_subscription.hpp>

#include <new>

namespace tidings::detail {

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

// False where its publisher has cancelled.
bool queue_subscription::wait_for_room(const event_ptr& e,
                                       const std::shared_ptr<delivery_join>& join,
                                       const std::shared_ptr<lane>& l) {
    const auto expiry = [weak = weak_from_this(), key = e.get()] {
        if (const auto self = weak.lock()) static_cast<queue_subscription&>(*self).expire(key);
    };
    if (waiters_.add(e, join, l, deadline_, expiry)) return true;
    bump(dropped);
    return false;
}

void queue_subscription::enter(pattern_entry& entry, retired_list&) {
    if (auto* s = seat())
        s->group().enter(entry, shared_as<queue_subscription>());
    else
        entry.add(shared_as<queue_subscription>());
}

void queue_subscription::leave(pattern_entry& entry, retired_list&) noexcept {
    if (auto* s = seat())
        s->group().leave(entry, *this);
    else
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
        auto w = waiters_.take_front();
        publisher_line::finish(w.front(), {}, outcome::queued);
    }
}

void queue_subscription::expire(const publication* e) {
    publisher_line::waiters expired;  // goes after the lock
    const std::lock_guard lock(mutex_);
    expired = waiters_.take(e);
    if (expired.empty()) return;
    queue_.miss(1);
    bump(dropped);
    publisher_line::finish(expired.front(), errc::overflow, outcome::dropped);
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
    if (wants_room_ && queue_.has_room()) report_room();
    return e;
}

void queue_subscription::report_room() noexcept {
    if (const auto* s = seat()) {
        wants_room_ = false;
        s->group().pump_later();
        return;
    }
    const auto source = source_.lock();
    wants_room_ = source && !source->pump_later();
}

publisher_line::waiters queue_subscription::empty_out() noexcept {
    publisher_line::waiters waiting;
    bool holds = false;
    {
        const std::lock_guard lock(mutex_);
        if (ahead_ != 0) put_back_ahead();
        waiting = waiters_.take_all();
        source_.reset();
        holds = !queue_.empty();
    }
    add(discarded, waiting.size());
    if (holds && may_pass_on())
        pass_on();
    else
        discard_all(queue_, mutex_, discarded);
    return waiting;
}

// Once the bus takes nothing any more all members end.
bool queue_subscription::may_pass_on() const noexcept {
    if (seat() == nullptr) return false;
    const auto b = bus();
    return b && !b->refusal();
}

void queue_subscription::empty_out_and_tell(error_code why) noexcept {
    for (auto& w : empty_out()) publisher_line::finish(w, why, outcome::closed);
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

group_member::view queue_subscription::look(const event_ptr& e, bool calls) noexcept {
    const std::lock_guard lock(mutex_);
    if (!active() || !wants(e)) return {};
    const bool room = queue_.fits(queue_cost(e));
    if (!room && calls) wants_room_ = true;
    return {true, room, queue_.size() + (at_work() ? 1U : 0U)};
}

bool queue_subscription::take_share(const event_ptr& e,
                                    const std::shared_ptr<delivery_join>& join) noexcept {
    graveyard gone;
    std::unique_lock<queue_mutex> held;
    const auto result = push(e, gone, held);
    if (result == outcome::closed) return false;
    if (join) join->finished(result == outcome::dropped ? errc::overflow : error_code(), result);
    return true;
}

void queue_subscription::lose(std::uint64_t count) noexcept {
    const std::lock_guard lock(mutex_);
    bump(matched, count);
    bump(dropped, count);
    miss_locked(count);
}

void queue_subscription::announce(std::uint64_t count) noexcept {
    const std::lock_guard lock(mutex_);
    miss_locked(count);
}

void queue_subscription::miss_locked(std::uint64_t count) noexcept {
    queue_.miss(count);
    if (!active()) return;
    try {
        wake();
    } catch (const std::bad_alloc&) {
        return;  // the next event wakes
    }
}

std::uint64_t queue_subscription::give_up_losses() noexcept {
    const std::lock_guard lock(mutex_);
    return queue_.take_missed();
}

event_ptr queue_subscription::give_up() noexcept {
    const std::lock_guard lock(mutex_);
    auto e = queue_.discard();
    if (e) add(discarded);
    return e;
}

void queue_subscription::pass_on() noexcept {
    seat()->pass_on(shared_as<queue_subscription>());
}

void queue_subscription::forgo(event_ptr&& e) noexcept {
    const auto lost = lagged_count(e);
    if (!counts(e) && !lost) return;
    if (!may_pass_on()) return lost ? void() : add(discarded);
    try {
        const std::lock_guard lock(mutex_);
        lost ? queue_.miss(*lost) : untake(std::move(e));
    } catch (const std::bad_alloc&) {
        return add(discarded);
    }
    pass_on();
}

}  // namespace tidings::detail
