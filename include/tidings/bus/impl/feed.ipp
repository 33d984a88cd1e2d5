// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/feed.hpp>
#include <tidings/control_event.hpp>
#include <tidings/impl/matches_any.hpp>
#include <tidings/lane/impl/lane_handler.hpp>
#include <tidings/lane/impl/lane_wait.hpp>
#include <tidings/topic.hpp>

#include <algorithm>
#include <new>

namespace tidings::detail {

namespace {

const std::shared_ptr<delivery_join> no_answer;

}  // namespace

feed::feed(std::shared_ptr<bus_state> bus, std::shared_ptr<lane> l, std::weak_ptr<feed_sink> sink,
           feed_options options)
    : bus_(std::move(bus)),
      lane_(std::move(l)),
      sink_(std::move(sink)),
      lasting_(options.lives_on ? sink_.lock().get() : nullptr),
      options_(std::move(options)),  // takes the patterns and the filter alone
      cursor_(options.after.value_or(position())),
      queue_(options.limits, options.overflow),
      asked_(options.after.has_value()),
      picky_(!options_.filter.empty()) {}

feed::~feed() {
    stop();
    joins_.close();
}

error_code feed::start() {
    // Until `begin` nothing is read, and what comes is held back.
    if (options_.retained && !asked_ && bus_->retains())
        retained_ = std::make_unique<retained_range>();
    live_ = was_live_ = !asked_ && !options_.asks && !retained_;
    const bool waits = reading_ = !live_;
    attached_ = true;
    error_code ec;
    try {
        ec = bus_->attach(options_.patterns, lane_, shared_from_this(), live_ ? cursor_ : start_,
                          retained_ ? &retained_->through : nullptr);
    } catch (...) {
        attached_ = false;
        throw;
    }
    if (ec) attached_ = false;
    if (ec || !waits) return ec;
    try {
        lane_->post([weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->begin();
        });
    } catch (...) {
        stop();
        throw;
    }
    return {};
}

void feed::begin() noexcept {
    const auto sink = sink_here();
    if (!sink || !attached_) return;
    if (options_.asks) return ask_where(*sink);
    reading_ = false;
    if (retained_) return pump();
    if (bus_->history()) {
        seen_ = std::max(seen_, start_.number());
        return pump();
    }
    // Without a history whatever lay after that position is gone.
    live_ = was_live_ = true;
    if (tell_gap(*sink, {})) pump();
}

// Nothing is read meanwhile.
void feed::ask_where(feed_sink& sink) noexcept {
    try {
        sink.locate(options_.patterns.front(), start_,
                    lane_handler<position>(lane_, errc::closed,
                                           [weak = weak_from_this()](error_code ec, position p) {
                                               const auto self = weak.lock();
                                               if (!self || !self->attached_) return;
                                               self->begin_after(ec ? self->start_ : std::move(p));
                                           }));
    } catch (const std::bad_alloc&) {
        end(errc::out_of_memory);
    } catch (...) {
        return;  // it dropped the handler, which begins at the start
    }
}

// Where nothing came since, nothing is read.
void feed::begin_after(position where) noexcept {
    reading_ = false;
    seen_ = std::max(seen_, start_.number());
    if (where == start_)
        move_to(where);
    else
        go_after(std::move(where));
    if (!asked_ && cursor_.number() >= seen_) become_live();
    pump();
}

void feed::stop() noexcept {
    if (!attached_.exchange(false)) return;
    bus_->detach(options_.patterns, lane_, this);
    auto self = weak_from_this().lock();
    if (!self || !joins_.used()) return;
    try {
        lane_->post([s = std::move(self)] { s->joins_.close(); });
    } catch (const std::bad_alloc&) {
        return;  // its end answers them
    }
}

void feed::on_event(const event_ptr& e) noexcept {
    if (attached_) accept(e, no_answer);
}

void feed::on_joined_event(const event_ptr& e, std::shared_ptr<delivery_join> join) noexcept {
    if (!attached_) return join->finished(errc::closed, outcome::closed);
    accept(e, join);
}

void feed::accept(const event_ptr& e, const std::shared_ptr<delivery_join>& join) noexcept {
    const auto sink = sink_here();
    if (!sink) {
        if (join) join->finished(errc::closed, outcome::closed);
        return;
    }
    const auto sequence = e->sequence();
    // The event precedes a gap that the sink was notified of.
    if (sequence != 0 && sequence <= reached()) {
        if (options_.exact) count_dropped(1);
        return refuse(join);
    }
    if (!wants(*e)) {
        if (!live_)
            seen_ = std::max(seen_, sequence);
        else if (sequence != 0)
            pass_over(*sink, *e->position());
        if (join) join->skipped();
        return;
    }
    if (live_ && queue_.empty() && sink->ready()) return pass(*sink, e, join);
    hold_back(e, join);
}

// It never gets the event that its publisher waits for.
void feed::refuse(const std::shared_ptr<delivery_join>& join) noexcept {
    if (join) join->finished(options_.exact ? errc::missed : errc::overflow, outcome::dropped);
}

void feed::hold_back(const event_ptr& e, const std::shared_ptr<delivery_join>& join) noexcept {
    const auto sequence = e->sequence();
    bounded_queue::pushed pushed;
    graveyard gone;
    if (sequence == 0) {
        pushed = queue_.push(e, gone);
        count_dropped(pushed.dropped);
        if (pushed.dropped != 0)
            joins_.miss_unless([this](const publication* p) { return queue_.holds(p); });
    }
    if (pushed.result == outcome::dropped)
        refuse(join);
    else if (join && !(options_.exact && joins_.add(e.get(), sequence, join)))
        join->finished({}, outcome::queued);
    if (pushed.overflowed) return end(errc::lagging);
    // Without a sequence, too: an announcement may wait for memory, and not for room.
    if (sequence != 0)
        fall_behind(sequence, 1);
    else
        pump();
}

// The cursor moves first: a sink may call back.
void feed::pass(feed_sink& sink, const event_ptr& e,
                const std::shared_ptr<delivery_join>& join) noexcept {
    if (e->sequence() != 0) move_to(*e->position());
    join ? sink.push_joined(e, join) : sink.push(e);
}

void feed::count_dropped(std::uint64_t count) noexcept {
    dropped_ += count;
    if (const auto sink = sink_here(); sink && count != 0) sink->on_dropped(count);
}

bool feed::picks(const publication& e) const noexcept {
    if (is_control(e.topic())) return true;
    return options_.filter.matches(e) && matches_any(options_.patterns, e.topic());
}

void feed::narrow(const std::vector<std::string>& lost) noexcept {
    if (!attached_) return;
    bus_->narrow(lost, lane_, this);
    std::erase_if(options_.patterns, [&](const auto& pattern) {
        return std::find(lost.begin(), lost.end(), pattern) != lost.end();
    });
    picky_ = true;
}

// The history is the queue of a stream that is behind.
void feed::fall_behind(std::uint64_t seen, std::uint64_t events) noexcept {
    seen_ = std::max(seen_, seen);
    live_ = false;
    behind_ += events;
    if (was_live_ && options_.max_lag != 0 && behind_ > options_.max_lag) return end(errc::lagging);
    pump();
}

void feed::on_missed(std::uint64_t count) noexcept {
    if (!attached_) return;
    count_dropped(count);
    if (options_.overflow == overflow::disconnect) return end(errc::lagging);
    queue_.miss(count);
    pump();
}

void feed::on_missed_kept(std::uint64_t count, std::uint64_t through) noexcept {
    if (attached_) fall_behind(through, count);
}

void feed::on_missed_joined(std::uint64_t sequence, std::shared_ptr<delivery_join> join) noexcept {
    if (!attached_) return join->finished(errc::closed, outcome::closed);
    if (sequence <= reached() || !joins_.add(nullptr, sequence, join)) refuse(join);
}

void feed::on_bus_closed() noexcept {
    if (attached_) end(errc::closed);
}

void feed::pump() noexcept {
    const auto sink = sink_here();
    if (!sink || !attached_) return;
    if (live_)
        drain_queue(*sink);
    else if (reading_ || !sink->ready())
        return;
    else if (retained_)
        read_retained(*sink);
    else if (conflates())
        catch_up(*sink);
    else
        read_more(cursor());
}

bool feed::pump_later() noexcept {
    try {
        lane_->post([weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->pump();
        });
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

void feed::drain_queue(feed_sink& sink) noexcept {
    while (attached_ && sink.ready()) {
        const auto e = queue_.pop();
        if (!e) return;
        auto join = joins_.take(e);
        if (wants(*e))
            pass(sink, e, join);
        else if (join)
            join->skipped();
    }
}

void feed::read_more(const position& after) noexcept {
    reading_ = true;
    try {
        bus_->history()->start_read(
            after, options_.patterns, options_.slice,
            lane_->completion<read_handler>([me = lane_wait<feed>(weak_from_this(), lane_)](
                                                error_code ec, const history_slice& s) mutable {
                if (const auto self = me.arrived()) self->on_slice(ec, s);
            }));
    } catch (const std::bad_alloc&) {
        end(errc::out_of_memory);
    } catch (...) {
        end(errc::history_failed);
    }
}

void feed::on_slice(error_code ec, const history_slice& slice) noexcept {
    const auto sink = sink_here();
    if (sink && attached_) {
        if (ec) return end(ec == errc::out_of_memory ? ec : errc::history_failed);
        const bool gap = is_new_gap(slice, gone_);
        // What was collected comes before a gap behind it.
        if (gap && newest_ && !newest_->empty())
            newest_->close();
        else
            take(*sink, slice, gap);
    }
    reading_ = false;
    pump();
}

// Where it goes on behind a gap. What must have every event gets those since it began.
position feed::behind_gap(const history_slice& slice) const noexcept {
    if (options_.after_gap == after_gap::held) return slice.before;
    if (!options_.exact) return slice.head;
    const bool since =
        !was_live_ && (asks_future(slice) || slice.before.number() < start_.number());
    return since ? start_ : slice.before;
}

void feed::take(feed_sink& sink, const history_slice& slice, bool gap) noexcept {
    // A slice that was asked for by a position of the future has nothing of what came since.
    const bool future = gap && asks_future(slice);
    const auto at = gap ? behind_gap(slice) : position();
    if (gap && !tell_gap(sink, at)) return;
    gone_ = slice.gone.number();
    if (gap && at.empty()) go_after({});  // all came since it began
    const bool skips = future || (gap && at == slice.head);
    if (newest_) {
        if (gap) newest_->read_through(cursor_);
        if (!skips) collect(slice);
        return;
    }
    const bool all = skips ? attached_ && reached() >= seen_ : take_slice(sink, slice);
    if (all) become_live();
    joins_.miss_through(reached());
}

void feed::become_live() noexcept {
    live_ = was_live_ = true;
    const auto gone = std::exchange(behind_, 0);
    if (options_.exact) count_dropped(gone);
}

// False where memory for that is missing, and it has ended.
bool feed::tell_gap(feed_sink& sink, const position& at) noexcept {
    if (!options_.exact) behind_ = 0;
    const auto gap = make_gap_event(at);
    if (!gap) {
        end(errc::out_of_memory);
        return false;
    }
    if (!at.empty()) move_to(at);
    sink.push(gap);
    return true;
}

// Whether it has caught up. What does not fit is read again: the history is the buffer. What the
// lane has not brought yet is left to it, so that nothing comes both ways.
bool feed::take_slice(feed_sink& sink, const history_slice& slice) noexcept {
    for (const auto& e : slice.events) {
        if (!attached_) return false;
        if (e->sequence() <= reached()) continue;  // before where it goes on behind a gap
        if (e->sequence() > seen_) {
            if (start_.number() >= reached() && !start_.empty()) move_to(start_);
            return true;
        }
        if (!sink.ready()) return false;
        if (!wants(*e)) {
            pass_over(sink, *e->position());
            if (auto join = joins_.take(e)) join->skipped();
            continue;
        }
        move_to(*e->position());
        if (behind_ != 0 && e->sequence() > start_.number()) --behind_;
        auto join = joins_.take(e);
        join ? sink.push_joined(e, join) : sink.push(e);
    }
    if (!attached_) return false;
    if (asked_ || slice.next.number() > cursor_.number()) move_to(slice.next);
    return cursor_.number() >= seen_;
}

void feed::refresh(unique_function<void()> f) {
    bus_->locate(lane_, [weak = weak_from_this(), f = std::move(f)](const position& here) mutable {
        const auto self = weak.lock();
        if (!self) return;
        if (self->live_ && self->queue_.empty() && here.number() > self->cursor_.number())
            self->move_to(here);
        f();
    });
}

void feed::end(error_code why) noexcept {
    if (!attached_) return;
    const auto keep = shared_from_this();
    stop();
    if (const auto sink = sink_here()) sink->on_feed_end(why);
}

}  // namespace tidings::detail
