// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_members.hpp>
#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/bus/impl/feed.hpp>
#include <tidings/bus/impl/group/group_seat.hpp>
#include <tidings/bus/impl/group/queue_group.hpp>

#include <algorithm>
#include <new>

namespace tidings::detail {

// Where no other thread has published, none can know what is gone.
void bus_members::release(retired_list&& gone) noexcept {
    if (gone.empty()) return;
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const auto* publisher = publisher_.load(std::memory_order_relaxed);
    auto* here = reclaimer::here_if_any();
    if (publisher == nullptr || publisher == here) {
        if (here != nullptr && here->since.load(std::memory_order_relaxed) != 0)
            here->own.splice(std::move(gone));
        else
            gone.reclaim();
        return;
    }
    const auto me = as_bus().lock();
    reclaimer::retire(std::move(gone));
    if (!me) return reclaimer::collect(true);
    if (stage_ == stage::closed || collects_.exchange(true)) return;
    try {
        lane_->post([weak = as_bus()] {
            if (const auto b = weak.lock()) b->collects_ = false;
            reclaimer::collect(true);
        });
    } catch (const std::bad_alloc&) {
        collects_ = false;  // the next one tries again
    }
}

std::vector<std::shared_ptr<subscription_state>> bus_members::active() const {
    std::vector<std::shared_ptr<subscription_state>> all;
    const std::lock_guard lock(mutex_);
    for (auto* s = first_; s != nullptr; s = s->next_)
        if (auto owner = s->weak_from_this().lock()) all.push_back(std::move(owner));
    return all;
}

std::size_t bus_members::subscriptions() const noexcept {
    const std::lock_guard lock(mutex_);
    return subscriptions_;
}

// Routes end first, so that no publication goes past the mutex while threads are looked at. One
// that reads may walk over callbacks, of this bus or another: the caller asks again later.
bool bus_members::refuse_after(std::uint64_t dispatched) noexcept {
    const std::lock_guard lock(mutex_);
    patterns_.hold_routes(true);
    const bool busy =
        appending() || reclaimer::others_read() || dispatched_ + patterns_.walks() != dispatched;
    if (busy)
        patterns_.hold_routes(stage_ >= stage::drained);
    else
        move_to_locked(stage::drained);
    return !busy;
}

error_code bus_members::admit() const noexcept {
    if (stage_ == stage::closed) return errc::closed;
    if (subscriptions_ >= max_subscriptions_) return errc::too_many;
    return {};
}

namespace {

/// Where a target is added.
struct addition {
    pattern_entry& entry;
    std::shared_ptr<const lane_targets> before;  // the list that took it
};

}  // namespace

error_code bus_members::attach(const std::vector<std::string>& patterns,
                               const std::shared_ptr<lane>& l,
                               const std::shared_ptr<lane_target>& target, position& head,
                               std::uint64_t* retained) {
    leaving gone(*this);
    const std::lock_guard lock(mutex_);
    if (const auto ec = admit()) return ec;
    head = head_;
    if (retained != nullptr && retained_) *retained = retained_->newest();
    std::vector<addition> made;
    try {
        made.reserve(patterns.size());
        // A target stands in the lists of one pattern once: see `lane::enqueue`.
        for (auto p = patterns.begin(); p != patterns.end(); ++p) {
            if (std::find(patterns.begin(), p, *p) != p) continue;
            auto& entry = patterns_.enter(*p);
            made.push_back({entry, entry.open_list(l)});
            entry.add(l, target);
        }
    } catch (...) {
        for (auto& a : made) {
            a.entry.take_back(l, target.get(), std::move(a.before));
            patterns_.tidy(a.entry, gone);
        }
        throw;
    }
    ++subscriptions_;
    return {};
}

bool bus_members::forget(std::string_view topic) noexcept {
    leaving gone(*this);
    const std::lock_guard lock(mutex_);
    return retained_ && retained_->forget(topic, gone);
}

retained_counters bus_members::retained() const noexcept {
    const std::lock_guard lock(mutex_);
    return retained_ ? retained_->counters() : retained_counters();
}

void bus_members::detach(const std::vector<std::string>& patterns, const std::shared_ptr<lane>& l,
                         const lane_target* target) noexcept {
    narrow(patterns, l, target);
    const std::lock_guard lock(mutex_);
    --subscriptions_;
}

void bus_members::narrow(const std::vector<std::string>& lost, const std::shared_ptr<lane>& l,
                         const lane_target* target) noexcept {
    leaving gone(*this);
    const std::lock_guard lock(mutex_);
    for (const auto& pattern : lost) {
        auto* entry = patterns_.find(pattern);
        if (entry == nullptr) continue;
        entry->remove(l, target);
        patterns_.tidy(*entry, gone);
    }
}

void bus_members::locate(const std::shared_ptr<lane>& l, unique_function<void(const position&)> f) {
    const std::lock_guard lock(mutex_);
    l->post([f = std::move(f), here = head_]() mutable { f(here); });
}

error_code bus_members::add(std::string_view pattern,
                            const std::shared_ptr<subscription_state>& s) {
    if (const auto ec = check_pattern(pattern)) return ec;
    leaving gone(*this);
    const std::lock_guard lock(mutex_);
    if (const auto ec = admit()) return ec;
    auto& entry = patterns_.enter(pattern);
    // It may get an event, and end by it, as soon as it is in a list.
    s->entry_ = &entry;
    link(s);
    try {
        s->enter(entry, gone);
    } catch (...) {
        s->entry_ = nullptr;
        unlink(*s);
        patterns_.tidy(entry, gone);
        throw;
    }
    ++subscriptions_;
    return {};
}

void bus_members::link(const std::shared_ptr<subscription_state>& s) noexcept {
    s->bus_ = as_bus();
    s->next_ = first_;
    if (first_ != nullptr) first_->previous_ = s.get();
    first_ = s.get();
}

// With the mutex held. One that is in no list stays so.
void bus_members::unlink(subscription_state& s) noexcept {
    if (s.next_ != nullptr) s.next_->previous_ = s.previous_;
    if (s.previous_ != nullptr)
        s.previous_->next_ = s.next_;
    else if (first_ == &s)
        first_ = s.next_;
    s.next_ = s.previous_ = nullptr;
}

std::shared_ptr<subscription_state> bus_members::unlink_first() noexcept {
    const std::lock_guard lock(mutex_);
    while (first_ != nullptr) {
        auto& s = *first_;
        unlink(s);
        if (auto owner = s.weak_from_this().lock()) return owner;
    }
    return {};
}

void bus_members::remove(subscription_state& s) noexcept {
    leaving gone(*this);
    const std::lock_guard lock(mutex_);
    unlink(s);
    auto* entry = std::exchange(s.entry_, nullptr);
    if (entry == nullptr) return;
    --subscriptions_;
    s.leave(*entry, gone);
    patterns_.tidy(*entry, gone);
}

std::vector<bus_members::standing> bus_members::standing_under(std::string_view topic) const {
    std::vector<standing> all;
    std::vector<std::shared_ptr<feed_sink>> sinks;  // which may end here
    const std::lock_guard lock(mutex_);
    patterns_.for_each_of(topic, [&](const pattern_entry& entry) {
        const std::string pattern(entry.pattern());
        const auto add = [&](subscription_state& s) {
            if (auto owner = s.weak_from_this().lock())
                all.push_back(
                    {pattern, std::move(owner), s.seat() ? s.seat()->filter() : s.filter()});
        };
        for (auto* s : entry.immediates.standing()) add(*s);
        for (const auto& q : entry.queues) add(*q);
        for (const auto& chunk : entry.chunks)
            for (const auto& target : *chunk.targets) {
                if (const auto* const g = dynamic_cast<const queue_group*>(target.get()))
                    g->for_each(
                        [&](group_member& m) { add(dynamic_cast<subscription_state&>(m)); });
                if (auto* const s = dynamic_cast<subscription_state*>(target.get())) add(*s);
                const auto* const f = dynamic_cast<const feed*>(target.get());
                if (auto sink = f != nullptr ? f->sink() : nullptr) {
                    sinks.push_back(std::move(sink));
                    all.push_back({pattern, sinks.back()->owner(), f->filter()});
                }
            }
    });
    return all;
}

// From here on no publication goes past the mutex, where it is looked at.
void bus_members::add_tap(const std::shared_ptr<tap_state>& t, const log_sink& log) {
    const std::lock_guard lock(mutex_);
    if (watch() == nullptr)
        set_watch(std::make_shared<publication_watch>(nullptr, std::vector<std::string>(), log));
    watch()->add(t);
    patterns_.watch_routes(true);
}

void bus_members::remove_tap(const tap_state& t) noexcept {
    const std::lock_guard lock(mutex_);
    if (watch()->remove(t)) patterns_.watch_routes(false);
}

std::uint64_t bus_members::walks_of(const immediate_subscription& s,
                                    std::uint64_t after) const noexcept {
    const std::lock_guard lock(mutex_);
    return s.entry_ != nullptr ? s.entry_->immediates.walks() - s.walks_before() : after;
}

void bus_members::note_new_publisher(reader_record& here) noexcept {
    const auto take = [&](std::atomic<reader_record*>& place) {
        reader_record* known = nullptr;
        return place.compare_exchange_strong(known, &here, std::memory_order_relaxed);
    };
    if (!take(first_publisher_) && first_publisher_ != &here) take(second_publisher_);
    if (!take(publisher_)) publisher_.store(&reclaimer::many, std::memory_order_relaxed);
    // What this thread reads from here on is what was written before a release that missed it.
    std::atomic_thread_fence(std::memory_order_seq_cst);
}

}  // namespace tidings::detail
