// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/group/queue_group.hpp>
#include <tidings/bus/impl/pattern_entry.hpp>
#include <tidings/errc.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <new>

namespace tidings::detail {

// A group that could not be taken out, for want of memory, stands there still.
void queue_group::enter(pattern_entry& entry, std::shared_ptr<group_member> m) {
    const std::lock_guard lock(mutex_);
    if (members_.size() == members_.capacity()) members_.reserve(2 * members_.size() + 1);
    if (members_.empty() && !entry.holds(home_, this)) entry.add(home_, shared_from_this());
    members_.push_back(std::move(m));
}

void queue_group::leave(pattern_entry& entry, const group_member& m) noexcept {
    std::shared_ptr<group_member> last;  // goes after the lock
    const std::lock_guard lock(mutex_);
    const auto at = std::find_if(members_.begin(), members_.end(),
                                 [&](const auto& each) { return each.get() == &m; });
    if (at == members_.end()) return;
    last = std::move(*at);
    if (at - members_.begin() < static_cast<std::ptrdiff_t>(next_)) --next_;
    members_.erase(at);
    if (members_.empty()) entry.remove(home_, this);
}

void queue_group::vacate() noexcept {
    publisher_line::waiters waiting;
    {
        const std::lock_guard lock(mutex_);
        if (members_.empty()) waiting = line_.take_all();
    }
    for (auto& w : waiting) publisher_line::finish(w, errc::closed, outcome::closed);
}

queue_group::choice queue_group::choose(const event_ptr& e, bool calls) noexcept {
    const std::lock_guard lock(mutex_);
    const auto all = members_.size(), none = all;
    std::size_t first = none, best = none, least = 0, looked = 0;
    for (std::size_t i = 0; i != all && (looked < max_looks || best == none); ++i) {
        const auto at = (next_ + i) % all;
        const auto seen = members_[at]->look(e, calls);
        if (!seen.takes) continue;
        ++looked;
        if (first == none) first = at;
        if (!seen.has_room || (best != none && seen.load >= least)) continue;
        best = at;
        least = seen.load;
        if (least == 0) break;
    }
    if (first == none) return {};
    const auto chosen = best != none ? best : first;
    if (best != none || !calls) next_ = (chosen + 1) % all;
    return {members_[chosen], best != none};
}

std::shared_ptr<group_member> queue_group::in_turn(bool patient) noexcept {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i != members_.size(); ++i) {
        const auto at = (next_ + i) % members_.size();
        if (patient && members_[at]->patience().count() == 0) continue;
        next_ = (at + 1) % members_.size();
        return members_[at];
    }
    return {};
}

// One that ends at this moment takes nothing, and is not chosen again.
void queue_group::hand(const event_ptr& e, const std::shared_ptr<delivery_join>& join,
                       where_full rule) noexcept {
    for (;;) {
        const auto to = choose(e, false);
        if (!to.member) {
            if (join) join->skipped();
            return;
        }
        if (!to.has_room && rule == where_full::is_lost) return to.member->lose(1);
        const auto patience = to.member->patience();
        if (!to.has_room && rule == where_full::waits && patience.count() != 0) {
            if (wait_for_room(e, join, patience)) return;
        } else if (to.member->take_share(e, join)) {
            return;
        }
    }
}

void queue_group::on_joined_event(const event_ptr& e,
                                  std::shared_ptr<delivery_join> join) noexcept {
    pump();
    hand(e, join, where_full::waits);
}

// False where a member has room by now, or none is left.
bool queue_group::wait_for_room(const event_ptr& e, const std::shared_ptr<delivery_join>& join,
                                std::chrono::milliseconds patience) noexcept {
    if (choose(e, true).has_room) return false;
    error_code lost;
    try {
        const std::lock_guard lock(mutex_);
        if (members_.empty()) return false;
        const auto expiry = [weak = weak_from_this(), key = e.get()] {
            if (const auto self = weak.lock()) self->expire(key);
        };
        if (!line_.add(e, join, home_, patience, expiry)) lost = net::error::operation_aborted;
    } catch (const std::bad_alloc&) {
        lost = errc::overflow;
    }
    if (!lost) return true;
    if (const auto m = in_turn(true)) m->lose(1);
    join->finished(lost, outcome::dropped);
    return true;
}

void queue_group::expire(const publication* e) noexcept {
    publisher_line::waiters expired;
    {
        const std::lock_guard lock(mutex_);
        expired = line_.take(e);
    }
    if (expired.empty()) return;
    if (const auto m = in_turn(true)) m->lose(1);
    publisher_line::finish(expired.front(), errc::overflow, outcome::dropped);
}

// Publishers that wait have their turn in the order of their coming.
void queue_group::pump() noexcept {
    for (;;) {
        event_ptr e;
        {
            const std::lock_guard lock(mutex_);
            if (line_.empty()) return;
            e = line_.front().event;
        }
        const auto to = choose(e, true);
        if (to.member && !to.has_room) return;
        publisher_line::waiters first;
        {
            const std::lock_guard lock(mutex_);
            first = line_.take(e.get());
        }
        if (first.empty()) continue;  // it has expired
        publisher_line::end_timer(first.front());
        hand(e, first.front().join);
    }
}

void queue_group::pump_later() noexcept {
    if (pumping_.posted.exchange(true)) return;
    pumping_.whose = shared_from_this();
    home_->post(pumping_);
}

void queue_group::pumping::run() noexcept {
    const auto group = std::move(whose);
    posted = false;
    group->pump();
}

void queue_group::pumping::drop() noexcept {
    const auto group = std::move(whose);
    posted = false;
}

void queue_group::hand_on(group_member& from) noexcept {
    const auto lost = from.give_up_losses();
    if (lost != 0)
        if (const auto m = in_turn(false)) m->announce(lost);
    while (const auto e = from.give_up()) hand(e, {}, where_full::is_lost);
}

void queue_group::on_missed(std::uint64_t count) noexcept {
    if (const auto m = in_turn(false)) m->lose(count);
}

}  // namespace tidings::detail
