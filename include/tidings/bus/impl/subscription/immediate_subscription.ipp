// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/pattern_entry.hpp>
#include <tidings/bus/impl/subscription/immediate_subscription.hpp>
#include <tidings/impl/guarded.hpp>

namespace tidings::detail {

bool immediate_subscription::idle() {
    const std::lock_guard lock(mutex_);
    return running_ == 0;
}

void immediate_subscription::enter(pattern_entry& entry) {
    entry.add(shared_as<immediate_subscription>());
}

void immediate_subscription::leave(pattern_entry& entry) noexcept {
    entry.remove(this);
}

outcome immediate_subscription::call(const event_ptr& e) noexcept {
    {
        const std::lock_guard lock(mutex_);
        if (!active()) return outcome::closed;
        ++running_;
    }
    add(matched);
    add(guarded(log_, "bus", [&] { function_(e); }) ? delivered : failed);
    end_call();
    return outcome::delivered;
}

void immediate_subscription::end_call() noexcept {
    std::vector<completion_handler<error_code>> enders;
    {
        const std::lock_guard lock(mutex_);
        if (--running_ == 0) enders.swap(enders_);
    }
    for (auto& h : enders) std::move(h)(error_code());
}

void immediate_subscription::end_and_wait(completion_handler<error_code> handler) {
    end(errc::closed);
    {
        const std::lock_guard lock(mutex_);
        if (running_ != 0) return enders_.push_back(std::move(handler));
    }
    std::move(handler)(error_code());
}

void immediate_subscription::release() noexcept {
    std::vector<completion_handler<error_code>> enders;
    event_callback_function dead;
    const std::lock_guard lock(mutex_);
    enders.swap(enders_);
    if (running_ == 0) dead = std::move(function_);
}

}  // namespace tidings::detail
