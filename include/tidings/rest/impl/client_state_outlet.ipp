// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/control_event.hpp>
#include <tidings/impl/finds_memory.hpp>
#include <tidings/rest/impl/client_state.hpp>

namespace tidings::rest::detail {

using namespace tidings::detail;

outcome client_state::deliver(const event_ptr& e) noexcept {
    if (stage_ != stage::running) return outcome::closed;
    if (is_control(e)) return outcome::delivered;
    graveyard gone;
    try {
        const std::lock_guard lock(mutex_);
        if (stage_ != stage::running) return outcome::closed;  // what follows is not waited for
        const auto pushed = queue_.push(e, gone);
        dropped_ += pushed.dropped;
        if (!pump_posted_) lane_->post([s = self()] { s->pump(); });
        pump_posted_ = true;
        return pushed.overflowed ? outcome::closed : pushed.result;
    } catch (const std::bad_alloc&) {
        ++dropped_;
        return outcome::dropped;
    }
}

// One request at a time keeps the order.
void client_state::pump() {
    {
        const std::lock_guard lock(mutex_);
        pump_posted_ = false;
        if (sending_ || !http_) return;
        sending_ = queue_.pop();
        // What was dropped has no place on the other side's bus.
        while (sending_ && is_control(sending_)) sending_ = queue_.pop();
    }
    if (sending_) return send();
    if (drain_.begun() && publishing_ == 0) finish_drain({});
}

// Without memory for it, it is tried again.
void client_state::send() {
    if (!sending_ || !http_) return;
    const bool found = finds_memory([this] {
        error_code ec;
        auto r = event_request(options_, *sending_, ec);
        if (ec) return settle(ec);
        if (reading_) own_.begin(key_of(sending_->source(), sending_->id()));
        http_->async_request(
            topic_url(options_, sending_->topic()), std::move(r),
            lane_->bind_here([weak = weak_self()](error_code failed, const http::response& answer) {
                const auto s = weak.lock();
                if (s && s->stage_ != stage::stopped) s->on_sent(failed, answer);
            }));
    });
    if (!found)
        send_again_.arm(lane_->timers(), send_backoff_.next(options_.environment.random->next()));
}

void client_state::on_sent(error_code ec, const http::response& r) {
    const auto* const answer = ec ? nullptr : &r;
    if (!ec) ec = error_of(r);
    if (!ec || !may_be_sent_again(ec, answer)) return settle(ec);
    const auto& environment = options_.environment;
    const auto asked =
        answer != nullptr ? asked_wait(*answer, *environment.clock) : std::chrono::milliseconds(0);
    send_again_.arm(lane_->timers(), send_backoff_.next(environment.random->next(), asked));
    log("sending failed; trying again", ec);
}

void client_state::settle(error_code ec) {
    const auto e = std::exchange(sending_, {});
    ++(ec ? failed_ : sent_);
    if (!ec) send_backoff_.reset();
    const bool noted = finds_memory([&] {
        const auto key = key_of(e->source(), e->id());
        ec ? void(own_.forget(key)) : own_.accept(key);
        if (ec) log("an event was not taken", ec);
        lane_->post([s = self()] { s->pump(); });
    });
    if (!noted) send_again_.arm(lane_->timers(), std::chrono::milliseconds(0));
}

}  // namespace tidings::rest::detail
