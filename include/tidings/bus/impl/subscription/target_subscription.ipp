// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/target_subscription.hpp>
#include <tidings/impl/guarded.hpp>

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

// The subscriber's handler. One that is dropped was not called, as where the subscriber threw.
class target_subscription::taking {
 public:
    taking(std::shared_ptr<target_subscription> to, event_ptr e,
           std::shared_ptr<delivery_join> join) noexcept
        : to_(std::move(to)),
          event_(std::move(e)),
          join_(std::move(join)) {}
    taking(taking&&) noexcept = default;
    ~taking() {
        if (!to_) return;
        const auto lane = to_->lane_;
        lane->post([t = std::move(*this)]() mutable { t(errc::callback_threw, outcome::dropped); });
    }
    void operator()(error_code ec, outcome o) {
        std::exchange(to_, nullptr)->on_taken(event_, *join_, ec, o);
    }

 private:
    std::shared_ptr<target_subscription> to_;
    event_ptr event_;
    std::shared_ptr<delivery_join> join_;
};

void target_subscription::on_event(const event_ptr& e) noexcept {
    if (active() && !from_itself(e)) count(e, subscriber_->deliver(e));
}

void target_subscription::on_joined_event(const event_ptr& e,
                                          std::shared_ptr<delivery_join> join) noexcept {
    if (!active()) return join->finished(errc::closed, outcome::closed);
    if (from_itself(e)) return join->skipped();
    ++taking_;
    const auto to = subscriber_;
    guarded(log_, "bus", [&] {
        to->async_deliver(
            e, lane_->bind(taking(shared_as<target_subscription>(), e, std::move(join))));
    });
}

void target_subscription::on_taken(const event_ptr& e, delivery_join& join, error_code ec,
                                   outcome o) noexcept {
    --taking_;
    let_go_of_subscriber();
    count(e, o);
    if (ec && o != outcome::closed) add(failed);
    join.finished(ec, o);
}

void target_subscription::enter(pattern_entry& entry, retired_list&) {
    entry.add(lane_, shared_as<target_subscription>());
}

void target_subscription::leave(pattern_entry& entry, retired_list&) noexcept {
    entry.remove(lane_, this);
}

void target_subscription::on_missed(std::uint64_t count) noexcept {
    if (!active()) return;
    on_dropped(count);
    subscriber_->deliver(make_lagged_event(count));
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
