// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/finds_memory.hpp>
#include <tidings/lane/impl/inbox.hpp>

#include <algorithm>
#include <utility>

namespace tidings::detail {

// One by one: a chain of owners would end in as many nested destructors.
inbox::~inbox() {
    lane_target::misses missed;
    while (next_missed(missed)) {
    }
    while (auto* t = next_task()) t->drop();
}

void inbox::add(const event_ptr& e, std::span<const lane_stop> stops, std::uint64_t ticket,
                const std::shared_ptr<delivery_join>& join) {
    last_ = keep_lists(stops);
    letters_.emplace_back(publication_letter{e, last_, ticket, join});
    ++publications_;
    bytes_ += e->footprint();
}

// Publications that match the same share what they refer to.
inbox::range inbox::keep_lists(std::span<const lane_stop> stops) {
    const auto same = [&](const lane_stop& s, const auto& list) { return *s.targets == list; };
    if (last_.count == stops.size() &&
        std::equal(stops.begin(), stops.end(),
                   lists_.begin() + static_cast<std::ptrdiff_t>(last_.first), same))
        return last_;
    const auto of_first = [&](const lane_stop& s) { return s.family == stops.front().family; };
    const range kept{lists_.size(), stops.size(),
                     std::all_of(stops.begin(), stops.end(), of_first)};
    if (lists_.capacity() < kept.first + kept.count) lists_.reserve(2 * kept.first + kept.count);
    for (const auto& s : stops) lists_.push_back(*s.targets);
    return kept;
}

void inbox::add(lane_task& t) noexcept {
    t.next_ = nullptr;
    t.at_ = letters_.size();
    (last_task_ != nullptr ? last_task_->next_ : tasks_) = &t;
    last_task_ = &t;
}

void inbox::take_back(unique_function<void()>& call) noexcept {
    if (auto* f = std::get_if<unique_function<void()>>(&letters_.back())) call = std::move(*f);
    if (const auto* l = std::get_if<publication_letter>(&letters_.back())) {
        --publications_;
        bytes_ -= l->event->footprint();
    }
    letters_.pop_back();
}

// False where memory for that is missing, or no target waits for the history to bring it.
bool inbox::await(const event_ptr& e, std::span<const lane_stop> stops, std::uint64_t ticket,
                  const std::shared_ptr<delivery_join>& join) noexcept {
    const auto waits = [](const auto& t) { return t->refills() && t->exact(); };
    if (!join || e->sequence() == 0 ||
        std::none_of(stops.begin(), stops.end(), [&](const lane_stop& s) {
            return std::any_of((*s.targets)->begin(), (*s.targets)->end(), waits);
        }))
        return false;
    try {
        last_ = keep_lists(stops);
        letters_.emplace_back(awaited_letter{e->sequence(), last_, ticket, join});
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

// What is enqueued later (the call of `bus_members::locate`) must find the targets notified.
std::size_t inbox::miss(const event_ptr& e, std::span<const lane_stop> stops, std::uint64_t ticket,
                        const std::shared_ptr<delivery_join>& join) noexcept {
    if (first_missed_ == nullptr) missed_at_ = letters_.size();
    const auto sequence = e->sequence();
    const bool awaited = await(e, stops, ticket, join);
    const auto answer = [&](const lane_target& t, bool comes) {
        if (t.exact() && comes && awaited) return;
        if (t.exact())
            join->finished(errc::missed, outcome::dropped);
        else if (comes)
            join->finished({}, outcome::queued);
        else
            join->finished(errc::overflow, outcome::dropped);
    };
    std::size_t lost = 0;
    for (const auto& s : stops)
        for (const auto& target : **s.targets) {
            auto& missed = target->missed_[side_];
            const bool comes = sequence != 0 && target->refills();
            if (!comes) ++lost;
            if (missed.last_ticket == ticket) {
                if (join) join->skipped();
                continue;
            }
            if (missed.last_ticket == 0) {
                (last_missed_ != nullptr ? last_missed_->missed_[side_].next : first_missed_) =
                    target;
                last_missed_ = target.get();
            }
            missed.last_ticket = ticket;
            ++(sequence != 0 ? missed.kept : missed.lost);
            if (sequence != 0) missed.kept_through = sequence;
            if (join) answer(*target, comes);
        }
    return lost;
}

std::shared_ptr<lane_target> inbox::next_missed(lane_target::misses& what) noexcept {
    auto target = std::move(first_missed_);
    if (!target) return target;
    what = std::exchange(target->missed_[side_], {});
    first_missed_ = std::move(what.next);
    if (!first_missed_) last_missed_ = nullptr;
    return target;
}

lane_task* inbox::next_task() noexcept {
    auto* t = tasks_;
    if (t != nullptr) tasks_ = t->next_;
    if (tasks_ == nullptr) last_task_ = nullptr;
    return t;
}

bool inbox::deliver() noexcept {
    const bool news = publications_ != 0 || first_missed_ != nullptr;
    for (std::size_t at = 0;;) {
        const auto mark = next_mark();
        deliver_letters(at, mark);
        at = mark;
        if (first_missed_ != nullptr && missed_at_ == at)
            deliver_misses();
        else if (tasks_ != nullptr && tasks_->at_ == at)
            next_task()->run();
        else
            break;
    }
    letters_.clear();
    lists_.clear();
    last_ = {};
    publications_ = 0;
    bytes_ = 0;
    return news;
}

// Before which letter something else is due; behind the last one where nothing is.
std::size_t inbox::next_mark() const noexcept {
    auto mark = letters_.size();
    if (first_missed_ != nullptr) mark = std::min(mark, missed_at_);
    if (tasks_ != nullptr) mark = std::min(mark, tasks_->at_);
    return mark;
}

void inbox::deliver_letters(std::size_t first, std::size_t end) noexcept {
    while (first < end) {
        if (auto* call = std::get_if<unique_function<void()>>(&letters_[first])) {
            finds_memory(*call);  // what it is about sees to it
            ++first;
            continue;
        }
        if (const auto* awaited = std::get_if<awaited_letter>(&letters_[first])) {
            deliver(*awaited);
            ++first;
            continue;
        }
        const auto burst = burst_at(first, end);
        if (burst > 1)
            deliver_burst(first, first + burst);
        else
            deliver(std::get<publication_letter>(letters_[first]));
        first += burst;
    }
}

// How many publications from here on have the same lists of one pattern, and no join. A subscriber
// that is in lists of several patterns sees every event by all of them before the next.
std::size_t inbox::burst_at(std::size_t first, std::size_t end) const noexcept {
    const auto lists = std::get<publication_letter>(letters_[first]).lists;
    end = std::min(end, first + max_burst);
    if (!lists.of_one_family) return 1;
    auto last = first;
    for (; last < end; ++last) {
        const auto* l = std::get_if<publication_letter>(&letters_[last]);
        if (l == nullptr || l->lists != lists || l->join) break;
    }
    return std::max<std::size_t>(last - first, 1);
}

// A target whose several patterns match one publication stands in several lists.
bool inbox::first_time(lane_target& t, std::uint64_t ticket) noexcept {
    if (ticket == t.last_ticket_) return false;
    t.last_ticket_ = ticket;
    return true;
}

void inbox::deliver(const publication_letter& l) const noexcept {
    for (auto i = l.lists.first; i < l.lists.first + l.lists.count; ++i)
        for (const auto& target : *lists_[i]) {
            const bool first = first_time(*target, l.ticket);
            if (l.join)
                first ? target->on_joined_event(l.event, l.join) : l.join->skipped();
            else if (first)
                target->on_event(l.event);
        }
}

// `miss` has answered for the others.
void inbox::deliver(const awaited_letter& l) const noexcept {
    for (auto i = l.lists.first; i < l.lists.first + l.lists.count; ++i)
        for (const auto& target : *lists_[i])
            if (target->refills() && target->exact() && first_time(*target, l.ticket))
                target->on_missed_joined(l.sequence, l.join);
}

// Target by target, each its events in order, while what belongs to the target is in the
// processor's cache.
void inbox::deliver_burst(std::size_t first, std::size_t end) const noexcept {
    const auto lists = std::get<publication_letter>(letters_[first]).lists;
    for (auto i = lists.first; i < lists.first + lists.count; ++i)
        for (const auto& target : *lists_[i])
            for (auto at = first; at < end; ++at) {
                const auto& l = *std::get_if<publication_letter>(&letters_[at]);
                if (first_time(*target, l.ticket)) target->on_event(l.event);
            }
}

void inbox::deliver_misses() noexcept {
    lane_target::misses missed;
    while (const auto target = next_missed(missed)) {
        if (missed.lost != 0) target->on_missed(missed.lost);
        if (missed.kept != 0) target->on_missed_kept(missed.kept, missed.kept_through);
    }
}

}  // namespace tidings::detail
