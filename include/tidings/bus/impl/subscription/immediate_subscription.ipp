// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/bus/impl/pattern_entry.hpp>
#include <tidings/bus/impl/subscription/immediate_subscription.hpp>

namespace tidings::detail {

net::any_io_executor immediate_subscription::executor() const noexcept {
    const auto b = bus();
    return b ? b->executor() : ended_executor();
}

void immediate_subscription::enter(pattern_entry& entry, retired_list& gone) {
    if (filter_.empty()) {
        const auto raw = function_.raw();
        entry.immediates.add(*this, raw.call, raw.object, gone);
    } else {
        entry.immediates.add(*this, &call_filtered, this, gone);
    }
    self_ = shared_as<immediate_subscription>();
    released_ = false;
}

// Stands in the list in place of the callback, so that a walk knows nothing of filters.
void immediate_subscription::call_filtered(void* self, const event_ptr& e) {
    auto& me = *static_cast<immediate_subscription*>(self);
    if (me.filter_.lets_through(*e)) return me.function_(e);
    ++reclaimer::here().walks->skipped;
    me.passed_over_.fetch_add(1, std::memory_order_release);
}

void immediate_subscription::leave(pattern_entry& entry, retired_list& gone) noexcept {
    auto& list = entry.immediates;
    const auto uncalled = list.remove(*this, gone);
    called_ = list.walks() - walks_before_ - uncalled;
    gone.push(*this);
}

void immediate_subscription::reclaim() noexcept {
    const auto keep = std::move(self_);
    for (auto& h : release_callback()) std::move(h)(error_code());
}

// The callback is destroyed outside the mutex, as the user's code may call back.
std::vector<completion_handler<error_code>> immediate_subscription::release_callback() noexcept {
    std::vector<completion_handler<error_code>> enders;
    event_callback_function dead;
    const std::lock_guard lock(mutex_);
    released_ = true;
    enders.swap(enders_);
    dead = std::move(function_);
    return enders;
}

// It was refused.
void immediate_subscription::on_end(error_code) noexcept {
    if (!self_) release_callback();
}

void immediate_subscription::end_and_wait(completion_handler<error_code> handler) {
    watch_context(executor(), weak_from_this());
    end(errc::closed);
    {
        const std::lock_guard lock(mutex_);
        if (!released_) return enders_.push_back(std::move(handler));
    }
    std::move(handler)(error_code());
}

// A callback that a walk is in goes when the walk is over.
void immediate_subscription::release() noexcept {
    std::vector<completion_handler<error_code>> enders;
    const std::lock_guard lock(mutex_);
    enders.swap(enders_);
}

subscription_counters immediate_subscription::counters() const noexcept {
    const auto failed = failed_.load(std::memory_order_relaxed);
    const auto passed_over = passed_over_.load(std::memory_order_acquire);  // before the calls
    auto called = called_.load(std::memory_order_relaxed);
    if (const auto b = bus()) called = b->walks_of(*this, called);
    called -= passed_over;
    return {.matched = called, .delivered = called - failed, .failed = failed};
}

}  // namespace tidings::detail
