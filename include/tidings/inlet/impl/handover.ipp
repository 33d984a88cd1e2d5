// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/guarded.hpp>
#include <tidings/inlet/impl/handover.hpp>

#include <new>
#include <utility>

namespace tidings::detail {

/// Takes the sink's answer to one event. A sink that drops the question has accepted nothing.
class handover::answer {
 public:
    answer(std::weak_ptr<handover> to, checkpoint_window::slot at) : to_(std::move(to)), at_(at) {}
    answer(answer&&) = default;
    ~answer() {
        if (const auto to = to_.lock()) to->drop_question(at_);
    }
    void operator()(error_code ec, outcome o) {
        const auto to = std::exchange(to_, {}).lock();
        if (!ec && o == outcome::dropped) ec = errc::overflow;
        if (!ec && o == outcome::closed) ec = errc::closed;
        if (to) to->settle(at_, ec);
    }

 private:
    std::weak_ptr<handover> to_;
    checkpoint_window::slot at_;
};

handover::handover(std::shared_ptr<lane> home, std::shared_ptr<subscriber> sink,
                   handover_options options)
    : lane_(std::move(home)),
      sink_(std::move(sink)),
      options_(std::move(options)),
      backoff_(options_.retry),
      again_([this] { retry(); }),
      window_(options_.window, std::move(options_.start)) {}

error_code handover::push(event_ptr e, std::optional<std::string> position) noexcept {
    if (!sink_) return {};
    if (!e) return errc::out_of_memory;
    try {
        const std::lock_guard lock(mutex_);
        window_.add(std::move(e), std::move(position));
    } catch (const std::bad_alloc&) {
        return errc::out_of_memory;
    }
    ++received_;
    if (stage_ == stage::idle) pump();
    return {};
}

void handover::pass(std::string position) {
    const std::lock_guard lock(mutex_);
    window_.pass(std::move(position));
}

void handover::refuse(error_code why, std::optional<std::string> position) {
    ++received_;
    ++refused_;
    log("event refused", why);
    if (position) pass(std::move(*position));
}

void handover::restart_at(std::optional<std::string> position) {
    const std::lock_guard lock(mutex_);
    window_.restart_at(std::move(position));
}

bool handover::has_room() noexcept {
    const std::lock_guard lock(mutex_);
    full_ = !window_.has_room();
    return !full_;
}

void handover::when_empty(unique_function<void()> f) {
    when_empty_ = std::move(f);
    call_if_empty();
}

void handover::call_if_empty() {
    std::unique_lock lock(mutex_);
    const bool empty = window_.size() == 0;
    lock.unlock();
    if (!empty || !when_empty_) return;
    auto f = std::exchange(when_empty_, nullptr);
    f();
}

// The next event comes a turn later, behind the answer of a sink that answers at once, so that
// nothing follows an event at which such a sink has closed or failed. It is posted to the executor
// as answers are: a call in the lane's inbox would overtake them.
void handover::pump() {
    if (stage_ == stage::stopped) return;
    std::unique_lock lock(mutex_);
    const auto next = window_.next();
    const bool dropped = dropped_;
    lock.unlock();
    stage_ = next.event ? stage::pumping : stage::idle;
    if (!next.event) return dropped ? settle_later() : void();
    const bool answered = hand(next);
    try {
        completion_handler<>(lane_->lasting_executor(), [weak = weak_from_this(), answered] {
            const auto self = weak.lock();
            if (self) answered ? self->pump_behind_answer() : self->pump();
        })();
    } catch (const std::bad_alloc&) {
        pump_.post(shared_from_this());
    }
}

void handover::pump_behind_answer() {
    go_on();
    pump();
}

void handover::call::post(std::shared_ptr<handover> h) noexcept {
    auto& lane = *h->lane_;
    whose = std::move(h);
    lane.post(*this);
}

void handover::call::run() noexcept {
    const auto self = std::move(whose);
    (self.get()->*function)();
}

// True when the sink threw, which is its answer, whatever the end of the handler says.
bool handover::hand(const checkpoint_window::handing& h) {
    const auto to = sink_;  // which may stop the client
    try {
        to->async_deliver(h.event, lane_->bind(answer(weak_from_this(), h.at)));
        return false;
    } catch (const std::bad_alloc&) {
        return false;  // the question was dropped
    } catch (...) {
        report_exception(options_.log, options_.module);
    }
    event_ptr gone;
    const std::lock_guard lock(mutex_);
    if (window_.abandon(h.at, gone) == delivery_verdict::passed) ++refused_;
    return true;
}

// On any thread.
void handover::drop_question(checkpoint_window::slot at) noexcept {
    {
        event_ptr gone;
        const std::lock_guard lock(mutex_);
        const auto verdict = window_.complete(at, errc::shutting_down, &gone);
        if (verdict == delivery_verdict::late || std::exchange(dropped_, true)) return;
    }
    settle_dropped_.post(shared_from_this());
}

// There may have been no memory for the turn that settles them.
void handover::settle_later() noexcept {
    try {
        lane_->post([] {});
    } catch (const std::bad_alloc&) {
        return;  // with the next event
    }
}

void handover::on_dropped_questions() {
    {
        const std::lock_guard lock(mutex_);
        dropped_ = false;
    }
    after(delivery_verdict::held, errc::shutting_down);
}

void handover::settle(checkpoint_window::slot at, error_code ec) {
    event_ptr gone;
    std::unique_lock lock(mutex_);
    const auto verdict = window_.complete(at, ec, &gone);
    lock.unlock();
    after(verdict, ec);
}

void handover::after(delivery_verdict verdict, error_code ec) {
    const auto keep = shared_from_this();
    switch (verdict) {
        case delivery_verdict::late:
            return;
        case delivery_verdict::accepted:
            ++accepted_;
            backoff_.reset();
            break;
        case delivery_verdict::passed:
            ++refused_;
            log("event dropped by its subscriber", ec);
            break;
        case delivery_verdict::held:
            log("event refused; trying again", ec);
            break;
        case delivery_verdict::closed:
            log("event dropped by its subscriber", ec);
            if (stage_ != stage::stopped) options_.on_closed();
            return;
    }
    go_on();
}

// After an answer.
void handover::go_on() {
    if (stage_ == stage::stopped) return;
    std::unique_lock lock(mutex_);
    const bool room = window_.has_room();
    const bool again = window_.wants_retry();
    lock.unlock();
    if (again) again_.arm(lane_->timers(), backoff_.next(options_.environment.random->next()));
    if (room && std::exchange(full_, false)) options_.on_room();
    call_if_empty();
}

void handover::retry() {
    std::unique_lock lock(mutex_);
    retried_ += window_.retry();
    lock.unlock();
    if (stage_ == stage::idle) pump();
}

void handover::stop() noexcept {
    stage_ = stage::stopped;
    again_.cancel();
    const auto sink = std::move(sink_);
    const auto waiting = std::exchange(when_empty_, nullptr);
    const auto released = std::exchange(options_.log, nullptr);
    for (event_ptr gone;;) {
        gone = {};
        const std::lock_guard lock(mutex_);
        gone = window_.stop();
        if (!gone) return;
    }
}

std::optional<std::string> handover::reached() const {
    const std::lock_guard lock(mutex_);
    return window_.reached();
}

}  // namespace tidings::detail
