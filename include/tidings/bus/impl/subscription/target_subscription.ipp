// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/target_subscription.hpp>

#include <boost/asio/bind_executor.hpp>

#include <new>

namespace tidings::detail {

bool target_subscription::from_itself(const event_ptr& e) const noexcept {
    return e->info().origin != 0 && e->info().origin == subscriber_->origin();
}

void target_subscription::count(const event_ptr& e, outcome o) noexcept {
    if (o == outcome::closed) return end(errc::closed);
    if (!counts(e)) return;
    add(matched);
    add(o == outcome::dropped ? dropped : delivered);
}

void target_subscription::on_event(const event_ptr& e) noexcept {
    if (!active() || from_itself(e)) return;
    if (!announce_missed()) return miss(1);
    if (active()) count(e, subscriber_->deliver(e));
}

void target_subscription::on_joined_event(const event_ptr& e,
                                          std::shared_ptr<delivery_join> join) noexcept {
    if (!active()) return join->finished(errc::closed, outcome::closed);
    if (from_itself(e)) return join->skipped();
    if (!announce_missed()) {
        miss(1);
        return join->finished(errc::out_of_memory, outcome::dropped);
    }
    if (!active()) return join->finished(errc::closed, outcome::closed);
    ++taking_;
    try {
        hand_over(e, join);
    } catch (const std::bad_alloc&) {
        --taking_;
        miss(1);
        join->finished(errc::out_of_memory, outcome::dropped);
    }
}

void target_subscription::hand_over(const event_ptr& e,
                                    const std::shared_ptr<delivery_join>& join) {
    subscriber_->async_deliver(
        e, net::bind_executor(lane_->executor(), [self = shared_as<target_subscription>(), e, join](
                                                     error_code ec, outcome o) {
            --self->taking_;
            self->let_go_of_subscriber();
            self->count(e, o);
            if (ec && o != outcome::closed) add(self->failed);
            join->finished(ec, o);
        }));
}

void target_subscription::enter(pattern_entry& entry, retired_list&) {
    entry.add(lane_, shared_as<target_subscription>());
}

void target_subscription::leave(pattern_entry& entry, retired_list&) noexcept {
    entry.remove(lane_, this);
}

void target_subscription::on_missed(std::uint64_t count) noexcept {
    if (!active()) return;
    miss(count);
    announce_missed();
}

void target_subscription::miss(std::uint64_t count) noexcept {
    on_dropped(count);
    missed_ += count;
}

// False where memory for that is missing: what follows is missed, too, until it is announced.
bool target_subscription::announce_missed() noexcept {
    if (missed_ == 0) return true;
    const auto lagged = make_lagged_event(missed_);
    if (!lagged) return false;
    missed_ = 0;
    subscriber_->deliver(lagged);
    return true;
}

// A delivery may be running in the lane: this comes after it.
void target_subscription::end_and_wait(completion_handler<error_code> handler) {
    end(errc::closed);
    lane_->post([h = std::move(handler)]() mutable { std::move(h)(error_code()); });
}

void target_subscription::on_end(error_code why) noexcept {
    lane_->post([self = shared_as<target_subscription>(), why] {
        if (self->subscriber_) self->subscriber_->on_unsubscribed(why);
        self->told_ = true;
        self->let_go_of_subscriber();
    });
}

// Not while it takes an event: this may be its only owner.
void target_subscription::let_go_of_subscriber() noexcept {
    if (told_ && taking_ == 0) subscriber_.reset();
}

}  // namespace tidings::detail
