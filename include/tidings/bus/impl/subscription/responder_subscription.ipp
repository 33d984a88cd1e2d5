// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/request/asked_request.hpp>
#include <tidings/bus/impl/request/request_desk.hpp>
#include <tidings/bus/impl/subscription/responder_subscription.hpp>
#include <tidings/impl/guarded.hpp>

#include <boost/asio/post.hpp>

#include <new>

namespace tidings::detail {

error_code responder_subscription::push(const event_ptr& e,
                                        const std::shared_ptr<pending_request>& r) noexcept {
    const std::lock_guard lock(mutex_);
    if (!active()) return errc::closed;
    const auto bytes = e->footprint();
    const bool full = jobs_.size() >= limits_.max_events || bytes_ + bytes > limits_.max_bytes;
    if (full && !jobs_.empty()) return errc::overflow;
    bool taken = false;
    try {
        jobs_.push_back({e, r});
        taken = true;
        schedule();
    } catch (const std::bad_alloc&) {
        if (taken) jobs_.pop_back();
        return errc::out_of_memory;
    }
    bytes_ += bytes;
    add(matched);
    return {};
}

// With the mutex held.
void responder_subscription::schedule() {
    if (scheduled_) return;
    net::post(executor_, [self = shared_as<responder_subscription>()] { self->run(); });
    scheduled_ = true;
}

void responder_subscription::run() {
    do {
        for (std::size_t i = 0; i < max_batch && active(); ++i) {
            const auto j = take();
            if (!j) break;
            call(*j);
        }
    } while (!end_batch());
}

std::optional<responder_subscription::job> responder_subscription::take() {
    const std::lock_guard lock(mutex_);
    if (jobs_.empty()) return std::nullopt;
    auto j = std::move(jobs_.front());
    jobs_.pop_front();
    bytes_ -= j.event->footprint();
    ++unanswered_;
    return j;
}

// What completes the request when the reply is gone lives until the function has returned, so that
// an exception is what the requester gets. One that is over already is not asked about.
void responder_subscription::call(const job& j) noexcept {
    bool wanted = false;
    const bool done = guarded(log_, "bus", [&] {
        std::shared_ptr<asked_request> asked;
        try {
            const auto desk = desk_.lock();
            if (desk)
                asked = std::make_shared<asked_request>(
                    j.request, shared_as<responder_subscription>(), desk->clock());
        } catch (const std::bad_alloc&) {
            j.request->complete(errc::out_of_memory);
        }
        if (!asked) return answered();
        wanted = asked->is_wanted();
        if (!wanted) return;
        try {
            function_(j.event, reply(asked));
        } catch (...) {
            asked->refuse(errc::callback_threw);
            throw;
        }
    });
    add(!done ? failed : wanted ? delivered : discarded);
}

// False where something is left and no turn can be posted for it. Once it has ended nothing calls
// it any more, so that what it owns goes.
bool responder_subscription::end_batch() {
    std::vector<completion_handler<error_code>> enders;
    responder_function dead;
    {
        const std::lock_guard lock(mutex_);
        scheduled_ = false;
        if (active()) {
            try {
                if (!jobs_.empty()) schedule();
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

bool responder_subscription::idle() {
    const std::lock_guard lock(mutex_);
    return !scheduled_ && jobs_.empty() && unanswered_ == 0;
}

void responder_subscription::end_and_wait(completion_handler<error_code> handler) {
    end(errc::closed);
    {
        const std::lock_guard lock(mutex_);
        if (scheduled_) return enders_.push_back(std::move(handler));
    }
    std::move(handler)(error_code());
}

responder_subscription::jobs responder_subscription::empty_out() noexcept {
    const std::lock_guard lock(mutex_);
    jobs all;
    all.swap(jobs_);
    bytes_ = 0;
    add(discarded, all.size());
    return all;
}

// What waits for it goes to another.
void responder_subscription::pass_on() noexcept {
    const auto desk = desk_.lock();
    if (!desk) return;
    desk->remove(*this);
    for (const auto& j : empty_out()) desk->hand(j.event, j.request);
}

void responder_subscription::on_end(error_code) noexcept {
    pass_on();
    responder_function dead;
    const std::lock_guard lock(mutex_);
    if (!scheduled_) dead = std::move(function_);
}

// The run that would have completed them was dropped with the context.
void responder_subscription::release() noexcept {
    std::vector<completion_handler<error_code>> enders;
    responder_function dead;
    const std::lock_guard lock(mutex_);
    enders.swap(enders_);
    dead = std::move(function_);
    executor_ = ended_executor();
}

}  // namespace tidings::detail
