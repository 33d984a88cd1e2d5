// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/outlet/impl/question.hpp>

#include <vector>

namespace tidings::http::detail {

question::question(std::shared_ptr<questions> all, std::shared_ptr<lane> home)
    : all_(std::move(all)),
      lane_(std::move(home)),
      cancelled_(std::make_shared<net::cancellation_signal>()),
      deadline_([this] { end_late(errc::undecided); }) {}

question::~question() {
    all_->leave(this);
}

bool question::settle() noexcept {
    if (stage_.exchange(stage::settled) == stage::settled) return false;
    deadline_.cancel();
    all_->leave(this);
    return true;
}

void question::begin_soon() {
    lane_->post([self = shared_from_this()] { self->begin(); });
}

// A function that throws has answered nothing: the end of its handler says so.
void question::begin() {
    if (stage_ == stage::settled) return all_->leave(this);
    deadline_.arm(lane_->timers(), all_->timeout_);
    try {
        start();
    } catch (...) {
        refuse_soon(errc::undecided);
    }
}

// The operation behind it is cancelled; whatever that brings is ignored.
void question::end_late(error_code ec) noexcept {
    const auto keep = shared_from_this();
    const auto before = stage_.load();
    if (before == stage::settled) return;
    refuse(ec);
    if (before == stage::open) cancelled_->emit(net::cancellation_type::terminal);
}

void question::refuse_soon(error_code ec) {
    lane_->post([self = shared_from_this(), ec] { self->end_late(ec); });
}

void question::cancel() noexcept {
    const auto keep = shared_from_this();
    const auto before = stage_.load();
    if (!settle()) return;
    drop();
    if (before == stage::open) cancelled_->emit(net::cancellation_type::terminal);
}

// False when there is no room.
bool questions::enter(const std::shared_ptr<question>& q, when_full full) {
    {
        const std::lock_guard lock(mutex_);
        if (asked_ >= max_ && full == when_full::refuse) return false;
        open_.insert(q.get());
        if (asked_ >= max_) {
            waiting_.push_back(q);
            return true;
        }
        ++asked_;
        q->seated_ = true;
    }
    q->begin();
    return true;
}

// The next in the queue takes the seat.
void questions::leave(question* q) noexcept {
    std::shared_ptr<question> next;
    std::vector<std::shared_ptr<question>> over;  // may end, and leave, outside the lock
    {
        const std::lock_guard lock(mutex_);
        open_.erase(q);
        if (!std::exchange(q->seated_, false)) return;
        while (!next && !waiting_.empty()) {
            next = waiting_.front().lock();
            waiting_.pop_front();
            if (next && open_.count(next.get()) == 0) over.push_back(std::exchange(next, nullptr));
        }
        if (next)
            next->seated_ = true;
        else
            --asked_;
    }
    if (next) next->begin_soon();
}

void questions::refuse_all() {
    std::vector<std::shared_ptr<question>> all;
    {
        const std::lock_guard lock(mutex_);
        for (auto* q : open_)
            if (auto held = q->weak_from_this().lock()) all.push_back(std::move(held));
    }
    for (const auto& q : all) q->refuse_soon(errc::shutting_down);
}

}  // namespace tidings::http::detail
