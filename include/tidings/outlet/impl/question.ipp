// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/server/peer_key.hpp>
#include <tidings/impl/guarded.hpp>
#include <tidings/outlet/impl/question.hpp>

#include <vector>

namespace tidings::http::detail {

std::string asker_at(const std::string& remote_address, bool loopback) {
    auto key = loopback ? std::string() : peer_key(remote_address);
    if (!key.empty()) key.insert(0, 1, '@');
    return key;
}

namespace {

// So that something is left for another, whatever one asker wants.
bool is_room_for(bool named, std::size_t own, std::size_t taken, std::size_t max) noexcept {
    const auto left = max - std::min(max, taken);
    return named && own != 0 ? own + 1 < left : left != 0;
}

}  // namespace

question::question(std::shared_ptr<questions> all, std::shared_ptr<lane> home)
    : all_(std::move(all)),
      lane_(std::move(home)),
      cancelled_(std::make_shared<net::cancellation_signal>()),
      deadline_([this] { on_deadline(); }) {}

question::~question() {
    all_->leave(this, false);
}

bool question::settle() noexcept {
    const auto before = stage_.exchange(stage::settled);
    if (before == stage::settled) return false;
    deadline_.cancel();
    all_->leave(this, before == stage::answered);
    return true;
}

void question::begin_soon() noexcept {
    turn_.whose = shared_from_this();
    lane_->post(turn_);
}

// A function that throws has answered nothing: the end of its handler says so.
void question::begin() noexcept {
    if (stage_ == stage::settled) return;
    if (full_ == when_full::wait_in_turn) deadline_.arm(lane_->timers(), all_->timeout_);
    const bool asked = tidings::detail::guarded(all_->log_, "access", [this] { start(); });
    if (!asked) tidings::detail::finds_memory([this] { refuse_soon(errc::undecided); });
}

void question::on_deadline() noexcept {
    if (all_->is_worth_waiting(*this)) return deadline_.arm(lane_->timers(), all_->timeout_);
    end_late(errc::undecided);
}

// The operation behind it is cancelled; whatever that brings is ignored.
void question::end_late(error_code ec) noexcept {
    const auto keep = shared_from_this();
    const auto before = stage_.load();
    if (before == stage::settled) return;
    refuse(ec);
    if (before == stage::open) cancelled_->emit(net::cancellation_type::terminal);
}

void question::refuse_soon(error_code ec) {
    lane_->post([self = shared_from_this(), ec] { self->end_late(ec); });
}

void question::cancel() noexcept {
    const auto keep = shared_from_this();
    const auto before = stage_.load();
    if (!settle()) return;
    drop();
    if (before == stage::open) cancelled_->emit(net::cancellation_type::terminal);
}

// False when there is no room.
bool questions::enter(const std::shared_ptr<question>& q, const std::string& by, when_full full) {
    q->full_ = full;
    bool seated = false;
    {
        const std::lock_guard lock(mutex_);
        open_.insert(q.get());
        q->place_.asker = askers_.try_emplace(by, !by.empty()).first;
        q->place_.answers = answers_;
        const auto& own = q->place_.asker->second;
        seated = finds_seat(own);
        if (!seated && !may_wait(own, full)) {
            open_.erase(q.get());
            forget_idle(q->place_.asker);
            return false;
        }
        seated ? sit_down(*q) : queue_up(*q);
    }
    q->deadline_.arm(q->lane_->timers(), timeout_);
    if (seated) q->begin();
    return true;
}

bool questions::finds_seat(const asker& by) const noexcept {
    return is_room_for(by.named, by.seats, asked_, max_);
}

bool questions::may_wait(const asker& by, when_full full) const noexcept {
    if (full != when_full::wait) return full == when_full::wait_in_turn;
    return is_room_for(by.named, by.waiting.size(), waiting_, waiting_for_each_seat * max_);
}

void questions::sit_down(question& q) noexcept {
    q.place_.is = question::place::kind::seated;
    ++q.place_.asker->second.seats;
    ++asked_;
}

void questions::queue_up(question& q) {
    auto& by = q.place_.asker->second;
    if (by.waiting.empty()) by.turn = turns_.insert(turns_.end(), &by);
    q.place_.waiting = by.waiting.insert(by.waiting.end(), &q);
    q.place_.is = question::place::kind::waiting;
    ++waiting_;
}

void questions::stand_up(question& q) noexcept {
    auto& by = q.place_.asker->second;
    using kind = question::place::kind;
    if (std::exchange(q.place_.is, kind::none) == kind::seated) {
        --by.seats;
        --asked_;
        return;
    }
    by.waiting.erase(q.place_.waiting);
    if (by.waiting.empty()) turns_.erase(by.turn);
    --waiting_;
}

void questions::forget_idle(askers::iterator by) noexcept {
    if (by->second.seats == 0 && by->second.waiting.empty()) askers_.erase(by);
}

// Whether one that waits has reason to: questions before it are being answered.
bool questions::is_worth_waiting(question& q) noexcept {
    if (q.full_ != when_full::wait_in_turn) return false;
    const std::lock_guard lock(mutex_);
    return q.place_.is == question::place::kind::waiting &&
           std::exchange(q.place_.answers, answers_) != answers_;
}

void questions::leave(question* q, bool answered) noexcept {
    std::shared_ptr<question> next;
    {
        const std::lock_guard lock(mutex_);
        open_.erase(q);
        if (q->place_.is == question::place::kind::none) return;
        if (answered) ++answers_;
        stand_up(*q);
        forget_idle(q->place_.asker);
        next = take_next();
    }
    if (next) next->begin_soon();
}

// One that waits and finds a seat now: of the askers in turn, of each the oldest. A seat that
// became free is enough for one.
std::shared_ptr<question> questions::take_next() noexcept {
    for (auto* by : turns_) {
        if (!finds_seat(*by)) continue;
        for (auto* q : by->waiting) {
            auto held = q->weak_from_this().lock();
            if (!held) continue;  // it is being destroyed, and leaves
            turns_.splice(turns_.end(), turns_, by->turn);
            stand_up(*q);
            sit_down(*q);
            return held;
        }
    }
    return nullptr;
}

void questions::refuse_all() {
    std::vector<std::shared_ptr<question>> all;
    {
        const std::lock_guard lock(mutex_);
        for (auto* q : open_)
            if (auto held = q->weak_from_this().lock()) all.push_back(std::move(held));
    }
    for (const auto& q : all) q->refuse_soon(errc::shutting_down);
}

}  // namespace tidings::http::detail
