// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/callback_subscription.hpp>
#include <tidings/impl/guarded.hpp>

namespace tidings::detail {

void callback_subscription::call(event_ptr e) noexcept {
    if (!active()) return forgo(std::move(e));
    const bool done = guarded(log_, "bus", [&] { function_(e); });
    if (!done || counts(e)) bump(done ? delivered : failed);
}

// The callback is destroyed outside the mutex, and before operations complete that wait for it.
void callback_subscription::finish() noexcept {
    const auto last = std::move(self_);
    { const auto dead = std::move(function_); }
    std::vector<std::shared_ptr<ender>> enders;
    {
        const std::lock_guard lock(mutex_);
        stage_ = stage::idle;
        enders.swap(enders_);
    }
    for (const auto& h : enders) h->complete({});
}

bool callback_subscription::idle() {
    const std::lock_guard lock(mutex_);
    return stage_ == stage::idle && !more() && caught_up();
}

// Its callback goes at once, or after the call that is under way.
void callback_subscription::retire() noexcept {
    const auto keep = shared_from_this();
    event_callback_function dead;
    const std::lock_guard lock(mutex_);
    if (stage_ == stage::called) {
        if (self_) return;
        self_ = shared_as<callback_subscription>();
        return lane_->end_after_call(*this);
    }
    unlink();
    stage_ = stage::idle;
    dead = std::move(function_);
}

void callback_subscription::on_end(error_code why) noexcept {
    queue_subscription::on_end(why);
    retire();
}

void callback_subscription::drop_waiting() noexcept {
    queue_subscription::drop_waiting();
    retire();
}

void callback_subscription::end_and_wait(completion_handler<error_code> handler) {
    auto last = std::make_shared<ender>(std::move(handler), lane_->home());
    end(errc::closed);
    {
        const std::lock_guard lock(mutex_);
        if (stage_ == stage::called) return enders_.push_back(std::move(last));
    }
    last->complete({});
}

void callback_subscription::release() noexcept {
    std::vector<std::shared_ptr<ender>> enders;
    const std::lock_guard lock(mutex_);
    enders.swap(enders_);
    lane_->release();
}

}  // namespace tidings::detail
