// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/lane/impl/lane.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <array>
#include <bitset>
#include <cassert>
#include <new>
#include <tuple>

namespace tidings::detail {

namespace {

constexpr unsigned max_laps = 4;
constexpr std::size_t max_burst = 64;
constexpr std::size_t max_inbox_events = 65'536;
constexpr std::size_t max_inbox_bytes = 64 * 1024 * 1024;
constexpr std::chrono::microseconds max_turn{200};

}  // namespace

std::shared_ptr<lane> lane::make(const net::any_io_executor& executor, io::clock& clock,
                                 bool single_thread) {
    net::any_io_executor inner = executor;
    if (!single_thread) inner = net::make_strand(executor);
    const std::shared_ptr<lane> made(new lane(std::move(inner), clock, single_thread));
    watch_context(executor, made);
    return made;
}

lane::lane(net::any_io_executor executor, io::clock& clock, bool single_thread)
    : executor_(std::move(executor)),
      single_thread_(single_thread),
      timers_(std::in_place, executor_, clock) {}

lane::~lane() = default;

bool lane::running_here() const noexcept {
    if (single_thread_) {
        assert(on_its_thread());
        return true;
    }
    const auto* strand = executor_.target<net::strand<net::any_io_executor>>();
    return strand != nullptr && strand->running_in_this_thread();
}

// Of a lane without a strand.
void lane::note_thread() noexcept {
    assert(on_its_thread());
    thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
}

bool lane::on_its_thread() const noexcept {
    const auto known = thread_.load(std::memory_order_relaxed);
    return known == std::thread::id() || known == std::this_thread::get_id();
}

// The result is true also after the context is gone. A lane without a strand learns its thread in
// its first turn.
bool lane::certainly_here() noexcept {
    const std::lock_guard lock(mutex_);
    if (ended_) return true;
    if (!single_thread_) return running_here();
    return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

// A lane without connections, as each bus has one, needs no buffers.
std::span<std::byte> lane::buffer(std::unique_ptr<std::byte[]>& b) {
    if (!b) {
        b = std::make_unique_for_overwrite<std::byte[]>(buffer_bytes);
        stats_.buffer_bytes += buffer_bytes;
    }
    return {b.get(), buffer_bytes};
}

// With the mutex held. False once the context is gone.
bool lane::wake() {
    if (!ended_ && !turn_posted_) {
        post_turn(0);  // first: it may find no memory
        turn_posted_ = true;
    }
    return !ended_;
}

bool lane::enqueue(const event_ptr& e, std::shared_ptr<const lane_targets> targets,
                   std::uint64_t ticket, std::shared_ptr<delivery_join> join, const void* family) {
    const std::lock_guard lock(mutex_);
    if (!wake()) return false;
    if (inbox_.size() >= max_inbox_events || inbox_bytes_ >= max_inbox_bytes) {
        if (join)
            for (const auto& target : *targets) {
                const bool comes = e->sequence() != 0 && target->refills();
                comes ? join->finished({}, outcome::queued)
                      : join->finished(errc::overflow, outcome::dropped);
            }
        note_missed(e, std::move(targets));
        return false;
    }
    inbox_bytes_ += e->footprint();
    inbox_.push_back({e, std::move(targets), ticket, std::move(join), {}});
    inbox_.back().family = family;
    return true;
}

// One letter for each list that missed something, at the place where it happened: what is enqueued
// later (the call of `bus_state::locate`) must find the target notified.
void lane::note_missed(const event_ptr& e, std::shared_ptr<const lane_targets> targets) {
    auto known = std::find_if(overruns_.begin(), overruns_.end(),
                              [&](std::size_t i) { return inbox_[i].targets == targets; });
    if (known == overruns_.end()) {
        known = overruns_.insert(overruns_.end(), inbox_.size());
        inbox_.push_back({{}, std::move(targets), 0, {}, {}});
    }
    auto& note = inbox_[*known];
    ++(e->sequence() != 0 ? note.missed_kept : note.missed);
    if (e->sequence() != 0) note.missed_through = e->sequence();
}

void lane::post(unique_function<void()> f) {
    const std::lock_guard lock(mutex_);
    if (wake()) inbox_.push_back({{}, {}, 0, {}, std::move(f)});
}

void lane::schedule_flush(std::shared_ptr<flushable> f) {
    if (f->scheduled_) return;
    auto* const scheduled = f.get();
    flushes_.push_back(std::move(f));
    scheduled->scheduled_ = true;
    try {
        const std::lock_guard lock(mutex_);
        wake();
    } catch (const std::bad_alloc&) {
        scheduled->scheduled_ = false;
        flushes_.pop_back();
        throw;
    }
}

void lane::post_turn(unsigned lap) {
    net::post(executor_, [self = shared_from_this(), lap] { self->run_turn(lap); });
}

// Publications mostly come in bursts, from handlers that the library does not see. A turn therefore
// waits for one lap of the executor without news before it flushes, so that the burst leaves in one
// send per connection. A lap that cannot be posted follows at once.
void lane::run_turn(unsigned lap) {
    if (single_thread_) note_thread();
    if (lap == 0) turn_started_ = timers_->clock().now();
    do {
        ++stats_.laps;
        const bool news = deliver_inbox();
        const bool waits = news && lap < max_laps;
        if (waits && timers_->clock().now() - turn_started_ < max_turn && try_post_turn(lap + 1))
            return;
        flush_all();
    } while (!finish_turn());
}

bool lane::try_post_turn(unsigned lap) noexcept {
    try {
        post_turn(lap);
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

// False where something is left and no turn can be posted for it.
bool lane::finish_turn() noexcept {
    const std::lock_guard lock(mutex_);
    turn_posted_ = !inbox_.empty() || !flushes_.empty();
    return !turn_posted_ || try_post_turn(0);
}

bool lane::deliver_inbox() noexcept {
    {
        const std::lock_guard lock(mutex_);
        reading_.swap(inbox_);
        overruns_.clear();
        inbox_bytes_ = 0;
    }
    bool news = false;
    for (std::size_t i = 0; i < reading_.size();) {
        auto& l = reading_[i];
        if (l.call) {
            l.call();
            ++i;
            continue;
        }
        news = true;
        const auto burst = burst_at(i);
        if (burst > 1)
            deliver_burst(std::span(reading_).subspan(i, burst));
        else
            l.event ? deliver(l) : deliver_miss(l);
        i += std::max<std::size_t>(burst, 1);
    }
    reading_.clear();
    return news;
}

// A target whose several patterns match one publication stands in several lists.
bool lane::first_time(lane_target& t, std::uint64_t ticket) noexcept {
    return std::exchange(t.last_ticket_, ticket) != ticket;
}

void lane::deliver(const letter& l) noexcept {
    for (const auto& target : *l.targets) {
        const bool first = first_time(*target, l.ticket);
        if (l.join)
            first ? target->on_joined_event(l.event, l.join) : l.join->skipped();
        else if (first)
            target->on_event(l.event);
    }
}

// How many letters from here on are publications of one family without a join.
std::size_t lane::burst_at(std::size_t first) const noexcept {
    const auto* family = reading_[first].family;
    auto end = first;
    while (family != nullptr && end < reading_.size() && end - first < max_burst &&
           reading_[end].family == family && !reading_[end].join)
        ++end;
    return end - first;
}

// A list is changed by a copy: of two that hold one target, all letters of the older come first.
void lane::deliver_burst(std::span<const letter> burst) noexcept {
    std::array<const letter*, max_burst> same;
    std::bitset<max_burst> done;
    for (std::size_t i = 0; i < burst.size(); ++i) {
        if (done[i]) continue;
        std::size_t count = 0;
        for (auto j = i; j < burst.size(); ++j)
            if (burst[j].targets == burst[i].targets) {
                same[count++] = &burst[j];
                done.set(j);
            }
        for (const auto& target : *burst[i].targets)
            for (std::size_t k = 0; k < count; ++k)
                if (first_time(*target, same[k]->ticket)) target->on_event(same[k]->event);
    }
}

void lane::deliver_miss(const letter& l) noexcept {
    for (const auto& target : *l.targets) {
        if (l.missed != 0) target->on_missed(l.missed);
        if (l.missed_kept != 0) target->on_missed_kept(l.missed_kept, l.missed_through);
    }
}

void lane::flush_all() noexcept {
    flushing_.swap(flushes_);
    for (const auto& f : flushing_) {
        f->scheduled_ = false;
        ++stats_.flushes;
        f->flush();
    }
    flushing_.clear();
}

// What the letters and connections hold may be all that keeps this lane alive, and they may hold
// the lane: without this, a context that is destroyed with work left would leave both behind. They
// end with the context's own handlers, when everything that depends on the context was notified: a
// letter may hold the last owner of what has to be.
void lane::on_context_end() noexcept {
    auto left = std::make_tuple(std::vector<letter>(), std::move(reading_), std::move(flushes_));
    net::any_io_executor last;
    {
        // At once: other threads ask whether something may still end in the lane.
        const std::lock_guard lock(mutex_);
        ended_ = true;
        std::get<0>(left).swap(inbox_);
        overruns_.clear();
        timers_.reset();
        last = std::exchange(executor_, ended_executor());
    }
    if (const auto* strand = last.target<net::strand<net::any_io_executor>>())
        last = net::any_io_executor(strand->get_inner_executor());
    try {
        net::post(last, [l = std::move(left)] {});
    } catch (const std::bad_alloc&) {
        return;  // they end here
    }
}

}  // namespace tidings::detail
