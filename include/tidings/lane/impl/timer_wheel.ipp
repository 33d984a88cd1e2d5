// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/finds_memory.hpp>
#include <tidings/lane/impl/timer_wheel.hpp>

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

namespace tidings::detail {

void wheel_timer::arm(timer_wheel& wheel, std::chrono::milliseconds after) noexcept {
    constexpr std::chrono::milliseconds longest = std::chrono::hours(24 * 365 * 10);
    const auto now = wheel.clock_.now();
    const auto deadline = now + std::clamp(after, std::chrono::milliseconds(0), longest);
    // Not cancel(): a timer that is armed again and again must not restart the clock's timer each
    // time.
    if (wheel_ != nullptr) wheel_->unlink(*this);
    if (wheel.armed_ == 0) wheel.current_ = wheel.tick_at(now);
    const auto rounded_up =
        wheel.tick_at(deadline + timer_wheel::tick - io::steady_time::duration(1));
    wheel.link(*this, std::max(rounded_up, wheel.current_ + 1));
    // Of those before it none may be waited for: see wait_until.
    if (wheel.waiting_until_ == 0)
        wheel.retry();
    else
        wheel.wait_until(due_tick_);
}

void wheel_timer::cancel() noexcept {
    if (wheel_ == nullptr) return;
    auto& wheel = *wheel_;
    wheel.unlink(*this);
    if (wheel.armed_ > 0) return;
    wheel.waiting_until_ = 0;
    wheel.timer_->cancel();
}

timer_wheel::timer_wheel(net::any_io_executor executor, io::clock& clock,
                         unique_function<void()> starved)
    : clock_(clock),
      timer_(clock.make_timer(std::move(executor))),
      starved_(std::move(starved)),
      start_(clock.now()) {}

timer_wheel::~timer_wheel() {
    for (auto*& head : heads_)
        while (head != nullptr) unlink(*head);
    if (destroyed_ != nullptr) *destroyed_ = true;
}

std::uint64_t timer_wheel::tick_at(io::steady_time t) const noexcept {
    return static_cast<std::uint64_t>((t - start_) / tick);
}

void timer_wheel::link(wheel_timer& t, std::uint64_t due) noexcept {
    t.due_tick_ = due;
    t.wheel_ = this;
    put_front(heads_[due % slots], t);
    ++armed_;
}

void timer_wheel::unlink(wheel_timer& t) noexcept {
    take_out(t);
    t.wheel_ = nullptr;
    --armed_;
}

void timer_wheel::put_front(wheel_timer*& head, wheel_timer& t) noexcept {
    t.next_ = head;
    t.link_ = &head;
    if (t.next_ != nullptr) t.next_->link_ = &t.next_;
    head = &t;
}

void timer_wheel::take_out(wheel_timer& t) noexcept {
    *t.link_ = t.next_;
    if (t.next_ != nullptr) t.next_->link_ = t.link_;
}

void timer_wheel::wait_until(std::uint64_t due) noexcept {
    if (waiting_until_ != 0 && waiting_until_ <= due) return;
    try {
        timer_->start_wait(start_ + due * tick, [this] { expire(); });
        waiting_until_ = due;
    } catch (const std::bad_alloc&) {
        waiting_until_ = 0;
        if (starved_) starved_();
    }
}

void timer_wheel::retry() noexcept {
    if (armed_ != 0 && waiting_until_ == 0) wait_until(next_tick());
}

// When the next of them is due, so that a deadline that is far away wakes no lane once a
// revolution; where that is not known after a look at so many, an earlier tick, from which it is
// looked for again.
std::uint64_t timer_wheel::next_tick() const noexcept {
    constexpr std::size_t most_looked_at = 1024;
    std::size_t looked_at = 0;
    auto first = std::numeric_limits<std::uint64_t>::max();
    for (auto next = current_ + 1; next <= current_ + slots; ++next) {
        for (const auto* t = heads_[next % slots]; t != nullptr; t = t->next_, ++looked_at)
            first = std::min(first, t->due_tick_);
        if (first <= next || looked_at > most_looked_at) return next;
    }
    return first;
}

void timer_wheel::expire() {
    waiting_until_ = 0;
    const auto now = tick_at(clock_.now());
    // From the last to the first, each put before the others: they fire in the order of their
    // ticks, and of arming within a tick.
    wheel_timer* due = nullptr;
    const auto last = now - std::min<std::uint64_t>(now - current_, slots);
    for (auto visited = now; visited > last; --visited) {
        for (auto* t = heads_[visited % slots]; t != nullptr;) {
            auto& candidate = *std::exchange(t, t->next_);
            if (candidate.due_tick_ > now) continue;
            take_out(candidate);
            put_front(due, candidate);
        }
    }
    current_ = now;
    if (fire(due)) retry();
}

// A callback may arm, cancel or destroy any timer, and destroy the wheel. One that finds no memory
// keeps no other from its turn.
bool timer_wheel::fire(wheel_timer*& due) {
    bool destroyed = false;
    destroyed_ = &destroyed;
    while (due != nullptr && !destroyed) {
        auto& t = *due;
        unlink(t);
        finds_memory([&] { t.on_expire_(); });
    }
    if (!destroyed) {
        destroyed_ = nullptr;
        return true;
    }
    while (due != nullptr) {
        auto& t = *due;
        take_out(t);
        t.wheel_ = nullptr;
    }
    return false;
}

}  // namespace tidings::detail
