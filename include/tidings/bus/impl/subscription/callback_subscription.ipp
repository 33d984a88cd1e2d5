// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/callback_subscription.hpp>

namespace tidings::detail {

namespace {

// Runs a user's callback; what it throws is reported and goes no further.
bool call_guarded(event_callback_function& f, const event_ptr& e, const log_sink& log) noexcept {
    try {
        f(e);
        return true;
    } catch (const std::exception& x) {
        if (log) log({log_level::error, "bus", x.what(), errc::callback_threw});
    } catch (...) {
        if (log) log({log_level::error, "bus", "callback threw", errc::callback_threw});
    }
    return false;
}

void complete_all(std::vector<completion_handler<error_code>> handlers) {
    for (auto& h : handlers) std::move(h)(error_code());
}

}  // namespace

void callback_subscription::wake() {
    if (std::exchange(scheduled_, true)) return;
    net::post(executor(), [self = std::static_pointer_cast<callback_subscription>(
                               shared_from_this())] { self->run(); });
}

void callback_subscription::run() {
    for (std::size_t i = 0; i < max_batch_ && active(); ++i) {
        std::unique_lock lock(mutex_);
        const auto e = take();
        lock.unlock();
        if (!e) break;
        call(e);
    }
    leave();
}

void callback_subscription::call(const event_ptr& e) noexcept {
    const bool done = call_guarded(function_, e, log_);
    if (!done || counts(e)) add(done ? delivered : failed);
}

// The batch is over: go on with the next, or tell those who wait for the last call.
void callback_subscription::leave() {
    std::vector<completion_handler<error_code>> enders;
    event_callback_function dead;
    {
        const std::lock_guard lock(mutex_);
        scheduled_ = false;
        if (active()) return more() ? wake() : void();
        dead = std::move(function_);
        enders.swap(enders_);
    }
    complete_all(std::move(enders));
}

void callback_subscription::end_and_wait(completion_handler<error_code> handler) {
    end(errc::closed);
    {
        const std::lock_guard lock(mutex_);
        if (scheduled_) return enders_.push_back(std::move(handler));
    }
    std::move(handler)(error_code());
}

// The run that would have told them was dropped with the context.
void callback_subscription::release() noexcept {
    std::vector<completion_handler<error_code>> enders;
    event_callback_function dead;
    const std::lock_guard lock(mutex_);
    enders.swap(enders_);
    dead = std::move(function_);
}

outcome immediate_subscription::call(const event_ptr& e) noexcept {
    {
        const std::lock_guard lock(mutex_);
        if (!active()) return outcome::closed;
        ++running_;
    }
    add(matched);
    add(call_guarded(function_, e, log_) ? delivered : failed);
    leave();
    return outcome::delivered;
}

void immediate_subscription::leave() noexcept {
    std::vector<completion_handler<error_code>> enders;
    {
        const std::lock_guard lock(mutex_);
        if (--running_ == 0) enders.swap(enders_);
    }
    complete_all(std::move(enders));
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
