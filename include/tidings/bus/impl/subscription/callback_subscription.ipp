// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/callback_subscription.hpp>
#include <tidings/impl/guarded.hpp>

#include <new>

namespace tidings::detail {

void callback_subscription::wake() {
    if (scheduled_) return;
    net::post(this->executor(), [self = shared_as<callback_subscription>()] { self->run(); });
    scheduled_ = true;
}

void callback_subscription::run() {
    do {
        for (std::size_t i = 0; i < max_batch_ && active(); ++i) {
            std::unique_lock lock(mutex_);
            const auto e = take();
            lock.unlock();
            if (!e) break;
            call(e);
        }
    } while (!end_batch());
}

void callback_subscription::call(const event_ptr& e) noexcept {
    const bool done = guarded(log_, "bus", [&] { function_(e); });
    if (!done || counts(e)) add(done ? delivered : failed);
}

// The batch is over: the next one is posted, or operations that wait for the last call complete.
// False where there is no memory to post it.
bool callback_subscription::end_batch() {
    std::vector<completion_handler<error_code>> enders;
    event_callback_function dead;
    {
        const std::lock_guard lock(mutex_);
        scheduled_ = false;
        if (active()) {
            try {
                if (more()) wake();
                return true;
            } catch (const std::bad_alloc&) {
                scheduled_ = true;
                return false;
            }
        }
        dead = std::move(function_);
        enders.swap(enders_);
    }
    for (auto& h : enders) std::move(h)(error_code());
    return true;
}

bool callback_subscription::idle() {
    const std::lock_guard lock(mutex_);
    return !scheduled_ && !more() && caught_up();
}

void callback_subscription::end_and_wait(completion_handler<error_code> handler) {
    end(errc::closed);
    {
        const std::lock_guard lock(mutex_);
        if (scheduled_) return enders_.push_back(std::move(handler));
    }
    std::move(handler)(error_code());
}

// The run that would have completed them was dropped with the context.
void callback_subscription::release() noexcept {
    std::vector<completion_handler<error_code>> enders;
    event_callback_function dead;
    const std::lock_guard lock(mutex_);
    enders.swap(enders_);
    dead = std::move(function_);
    queue_subscription::release();
}

}  // namespace tidings::detail
