// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/callback_subscription.hpp>
#include <tidings/bus/impl/subscription/posting_lane.hpp>
#include <tidings/lane/impl/lane.hpp>

#include <new>

namespace tidings::detail {

// What posting asks of an executor is asked once.
posting_lane::posting_lane(net::any_io_executor executor, std::shared_ptr<lane> home)
    : home_(std::move(home)),
      executor_(std::move(executor)),
      turns_(net::prefer(net::require(executor_, net::execution::blocking.never),
                         net::execution::relationship.fork)) {}

void posting_lane::post_turn() noexcept {
    try {
        auto turn = [self = shared_from_this()] { self->run(); };
        if (const auto* plain = executor_.target<net::io_context::executor_type>())
            post_in_place(*plain, turn_memory_, std::move(turn));
        else
            turns_.execute(std::move(turn));
    } catch (const std::bad_alloc&) {
        again_.whose = shared_from_this();
        home_->post(again_);
    }
}

void posting_lane::retry::run() noexcept {
    const auto l = std::exchange(whose, nullptr);
    const std::lock_guard lock(l->mutex_);
    l->post_turn();
}

void posting_lane::wake(callback_subscription& s) noexcept {
    if (s.stage_ == callback_subscription::stage::idle) {
        s.stage_ = callback_subscription::stage::waiting;
        waiting_.push_back(s);
    }
    if (!std::exchange(posted_, true)) post_turn();
}

void posting_lane::end_after_call(callback_subscription& s) noexcept {
    ended_.push_back(s);
}

// Its event would be called after what it may be superseded by. Without memory it stays with the
// turn, as if its call had begun.
void posting_lane::put_back_ahead(callback_subscription& s) noexcept {
    if (here_ != std::this_thread::get_id() || s.ahead_ - 1U <= under_way_->at) return;
    auto& c = under_way_->some[s.ahead_ - 1U];
    if (!s.counts(c.event)) return;
    try {
        s.untake(std::move(c.event));
    } catch (const std::bad_alloc&) {
        return;
    }
    c.whose = nullptr;
    s.ahead_ = 0;
    s.stage_ = callback_subscription::stage::waiting;
    waiting_.push_front(s);
}

void posting_lane::run() noexcept {
    calls c;
    while (next(c))
        for (c.at = 0; c.at != c.count; ++c.at)
            if (auto& each = c.some[c.at]; each.whose != nullptr)
                each.whose->call(std::move(each.event));
}

// What was called is put back in line, and what is called next taken. False: the turn is over.
bool posting_lane::next(calls& c) noexcept {
    std::unique_lock lock(mutex_);
    put_back(c);
    while (!ended_.empty()) {
        auto& s = ended_.front();
        ended_.pop_front();
        lock.unlock();
        s.finish();
        lock.lock();
    }
    take(c);
    if (c.count != 0) return true;
    under_way_ = nullptr;
    here_ = {};
    called_ = 0;
    ++turn_;
    waiting_.splice(waiting_.end(), later_);
    posted_ = !waiting_.empty();
    if (posted_) post_turn();
    return false;
}

void posting_lane::put_back(const calls& c) noexcept {
    for (std::size_t i = 0; i != c.count; ++i) {
        if (c.some[i].whose == nullptr) continue;
        auto& s = *c.some[i].whose;
        s.ahead_ = 0;
        if (!s.active()) {
            // It stands among those that have ended, or is about to find that it is not called.
            if (!s.is_linked()) s.stage_ = callback_subscription::stage::idle;
            continue;
        }
        if (!s.more()) {
            s.stage_ = callback_subscription::stage::idle;
            continue;
        }
        s.stage_ = callback_subscription::stage::waiting;
        (s.has_had_enough(turn_) ? later_ : waiting_).push_back(s);
    }
}

void posting_lane::take(calls& c) noexcept {
    under_way_ = &c;
    here_ = std::this_thread::get_id();
    c.count = 0;
    while (c.count != c.some.size() && called_ < max_calls && !waiting_.empty()) {
        auto& s = waiting_.front();
        if (c.count != 0 && s.announces()) return;  // not ahead
        waiting_.pop_front();
        auto e = s.take();
        if (!e && s.more()) {
            later_.push_back(s);  // memory is missing
            continue;
        }
        s.stage_ = e ? callback_subscription::stage::called : callback_subscription::stage::idle;
        if (!e) continue;
        c.some[c.count++] = {&s, std::move(e)};
        s.ahead_ = static_cast<std::uint8_t>(c.count);
        ++called_;
    }
}

std::shared_ptr<posting_lane> posting_lanes::of(const net::any_io_executor& executor,
                                                const std::shared_ptr<lane>& home) {
    const std::lock_guard lock(mutex_);
    for (const auto& weak : known_) {
        auto lane = weak.lock();
        if (lane && lane->runs_on(executor)) return lane;
    }
    auto made = std::make_shared<posting_lane>(executor, home);
    known_[next_++ % known_.size()] = made;
    return made;
}

}  // namespace tidings::detail
