// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/group/group_seat.hpp>
#include <tidings/bus/impl/subscription/target_subscription.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/lane/impl/lane_completion.hpp>

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

// An event that the subscriber was asked to take, and what waits for the answer. Posted to the lane
// when the answer was dropped.
struct target_subscription::question final : lane_task {
    question(event_ptr e, std::shared_ptr<delivery_join> j, std::shared_ptr<target_subscription> by)
        : event(std::move(e)),
          join(std::move(j)),
          asker(std::move(by)) {}
    void run() noexcept override {
        const auto last = std::move(posted);
        if (asker) asker->settle(*this, if_dropped, outcome::dropped);
    }
    void drop() noexcept override { const auto last = std::move(posted); }

    const event_ptr event;
    const std::shared_ptr<delivery_join> join;
    std::shared_ptr<target_subscription> asker;  // which owns it, until it is answered
    questions::iterator at{};                    // in the asker's list
    error_code if_dropped = errc::shutting_down;
    std::shared_ptr<question> posted{};  // itself
};

// Takes the subscriber's answer, wherever it is kept. A subscriber that drops it has accepted
// nothing.
class target_subscription::answer {
 public:
    answer(std::shared_ptr<lane> in, std::weak_ptr<question> to) noexcept
        : lane_(std::move(in)),
          question_(std::move(to)) {}
    answer(answer&&) noexcept = default;
    ~answer() {
        const auto q = question_.lock();
        if (!q) return;
        q->posted = q;
        lane_->post(*q);
    }
    void operator()(error_code ec, outcome o) {
        const auto q = std::exchange(question_, {}).lock();
        if (q && q->asker) q->asker->settle(*q, ec, o);
    }

 private:
    std::shared_ptr<lane> lane_;
    std::weak_ptr<question> question_;
};

void target_subscription::locate(std::string_view pattern, const position& here, locate_handler h) {
    if (active()) subscriber_->start_locate(pattern, here, std::move(h));
}

void target_subscription::push(const event_ptr& e) noexcept {
    if (!is_control(e)) losing_ = false;
    if (!active()) return;
    if (from_itself(e)) return pass(e);
    offer(e);
}

// False where it has ended, and did not take the event.
bool target_subscription::offer(const event_ptr& e) noexcept {
    if (!announce_missed()) {
        miss(1);
        return true;
    }
    if (!active()) return false;
    const auto result = subscriber_->deliver(e);
    count(e, result);
    return result != outcome::closed;
}

void target_subscription::push_joined(const event_ptr& e,
                                      std::shared_ptr<delivery_join> join) noexcept {
    losing_ = false;
    if (!active()) return join->finished(errc::closed, outcome::closed);
    if (from_itself(e)) {
        pass(e);
        return join->skipped();
    }
    const bool announced = announce_missed();
    if (!active()) return join->finished(errc::closed, outcome::closed);
    try {
        if (announced) return ask(e, join);
    } catch (const std::bad_alloc&) {
    }
    miss(1);
    join->finished(errc::missed, outcome::dropped);
}

void target_subscription::ask(const event_ptr& e, std::shared_ptr<delivery_join> join) {
    const auto q = std::make_shared<question>(e, std::move(join), shared_as<target_subscription>());
    q->at = asked_.insert(asked_.end(), q);
    const auto to = subscriber_;  // which may end this subscription
    const auto deliver = [&] {
        try {
            to->async_deliver(e, lane_->bind(answer(lane_, q)));
        } catch (const std::bad_alloc&) {
            q->if_dropped = errc::out_of_memory;
        }
    };
    if (!guarded(log_, "bus", deliver)) q->if_dropped = errc::callback_threw;
}

void target_subscription::settle(const question& q, error_code ec, outcome o) noexcept {
    const auto last = std::move(*q.at);
    const auto self = std::move(last->asker);
    asked_.erase(last->at);
    let_go_of_subscriber();
    count(last->event, o);
    if (o == outcome::closed && seat() != nullptr)
        return seat()->group().hand(last->event, last->join);
    if (ec && o != outcome::closed) add(failed);
    last->join->finished(ec, o);
}

void target_subscription::on_dropped(std::uint64_t count) noexcept {
    const auto source = source_.lock();
    note_dropped(count, seat() != nullptr ? seat()->group().pattern()
                        : source          ? source->patterns().front()
                                          : std::string_view());
}

// Logged once, until it gets an event again.
void target_subscription::note_dropped(std::uint64_t count, std::string_view pattern) noexcept {
    add(matched, count);
    add(dropped, count);
    if (std::exchange(losing_, true) || !log_) return;
    log_({log_level::warning, "bus", pattern, errc::missed});
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
    const auto last = std::make_shared<lane_completion<error_code>>(std::move(handler), lane_);
    end(errc::closed);
    lane_->post([last] { last->complete({}); });
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

void target_subscription::enter(pattern_entry& entry, retired_list&) {
    if (auto* s = seat()) s->group().enter(entry, shared_as<target_subscription>());
}

void target_subscription::leave(pattern_entry& entry, retired_list&) noexcept {
    if (auto* s = seat()) s->group().leave(entry, *this);
}

group_member::view target_subscription::look(const event_ptr& e, bool /*calls*/) noexcept {
    if (!active() || from_itself(e) || !seat()->wants(e)) return {};
    if (subscriber_ && subscriber_->declines(e)) return {};
    return {true, true, asked_.size()};
}

bool target_subscription::take_share(const event_ptr& e,
                                     const std::shared_ptr<delivery_join>& join) noexcept {
    losing_ = false;
    if (!active()) return false;
    if (!join) return offer(e);
    push_joined(e, join);
    return true;
}

}  // namespace tidings::detail
