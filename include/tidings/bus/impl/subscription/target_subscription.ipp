// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/target_subscription.hpp>
#include <tidings/impl/guarded.hpp>

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

// What the subscriber was handed and has not answered. Its handler was dropped without a call where
// the subscriber threw, or had no memory.
class target_subscription::taking final : public lane_task {
 public:
    struct let_go {
        void operator()(taking* t) const noexcept {
            const auto home = t->to_->lane_;
            home->post(*t);
        }
    };
    taking(std::shared_ptr<target_subscription> to, event_ptr e,
           std::shared_ptr<delivery_join> join) noexcept
        : to_(std::move(to)),
          event_(std::move(e)),
          join_(std::move(join)) {}

    void answer(error_code ec, outcome o) noexcept { to_->on_taken(event_, *join_, ec, o); }
    void run() noexcept override {
        const std::unique_ptr<taking> last(this);
        answer(errc::callback_threw, outcome::dropped);
    }
    void drop() noexcept override { delete this; }

 private:
    std::shared_ptr<target_subscription> to_;
    event_ptr event_;
    std::shared_ptr<delivery_join> join_;
};

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
    std::unique_ptr<taking, taking::let_go> asked(
        new taking(shared_as<target_subscription>(), e, join));
    auto on_done = lane_->bind([asked = std::move(asked)](error_code ec, outcome o) mutable {
        const std::unique_ptr<taking> answered(asked.release());
        answered->answer(ec, o);
    });
    const auto to = subscriber_;  // which may end this subscription
    guarded(log_, "bus", [&] { to->async_deliver(e, std::move(on_done)); });
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
