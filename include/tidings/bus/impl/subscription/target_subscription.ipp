// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/target_subscription.hpp>

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

/// Takes the subscriber's answer, wherever it is kept. A subscriber that drops the question has
/// accepted nothing.
class target_subscription::answer {
 public:
    answer(std::shared_ptr<lane> in, questions::iterator at)
        : lane_(std::move(in)),
          question_(*at),
          at_(at) {}
    answer(answer&&) = default;
    ~answer() {
        if (question_.expired()) return;
        try {
            lane_->post([to = std::move(question_), at = at_] {
                settle(to, at, errc::shutting_down, outcome::dropped);
            });
        } catch (const std::bad_alloc&) {
            return;  // it stays outstanding
        }
    }
    void operator()(error_code ec, outcome o) { settle(std::exchange(question_, {}), at_, ec, o); }

 private:
    static void settle(const std::weak_ptr<question>& to, questions::iterator at, error_code ec,
                       outcome o) noexcept {
        if (const auto q = to.lock()) q->asker->settle(at, ec, o);
    }

    std::shared_ptr<lane> lane_;
    std::weak_ptr<question> question_;
    questions::iterator at_;  // while there is a question
};

void target_subscription::on_joined_event(const event_ptr& e,
                                          std::shared_ptr<delivery_join> join) noexcept {
    if (!active()) return join->finished(errc::closed, outcome::closed);
    if (from_itself(e)) return join->skipped();
    if (!announce_missed()) {
        miss(1);
        return join->finished(errc::overflow, outcome::dropped);
    }
    if (!active()) return join->finished(errc::closed, outcome::closed);
    auto at = asked_.end();
    try {
        at = asked_.insert(
            at, std::make_shared<question>(question{e, join, shared_as<target_subscription>()}));
        subscriber_->async_deliver(e, lane_->bind(answer(lane_, at)));
    } catch (const std::bad_alloc&) {
        if (at != asked_.end()) return;  // the question was dropped, and so answered
        miss(1);
        join->finished(errc::overflow, outcome::dropped);
    }
}

void target_subscription::settle(questions::iterator at, error_code ec, outcome o) noexcept {
    const auto q = std::move(*at);
    const auto self = std::move(q->asker);
    asked_.erase(at);
    let_go_of_subscriber();
    count(q->event, o);
    if (ec && o != outcome::closed) add(failed);
    q->join->finished(ec, o);
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

void target_subscription::on_end(error_code) noexcept {
    ending_.whose = shared_as<target_subscription>();
    lane_->post(ending_);
}

void target_subscription::tell_end() noexcept {
    if (subscriber_) subscriber_->on_unsubscribed(error());
    told_ = true;
    let_go_of_subscriber();
}

// Not while it takes an event: this may be its only owner.
void target_subscription::let_go_of_subscriber() noexcept {
    if (told_ && asked_.empty()) subscriber_.reset();
}

}  // namespace tidings::detail
