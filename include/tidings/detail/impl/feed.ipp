// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/feed.hpp>

#include <boost/asio/bind_executor.hpp>

namespace tidings::detail {

feed::feed(std::shared_ptr<bus_state> bus, std::shared_ptr<lane> l, std::weak_ptr<feed_sink> sink,
           feed_options options)
    : bus_(std::move(bus)),
      lane_(std::move(l)),
      sink_(std::move(sink)),
      options_(std::move(options)),
      queue_(options_.limits, options_.overflow) {}

feed::~feed() {
    stop();
}

error_code feed::start() {
    // Until `begin` nothing is read, and what comes is held back.
    live_ = was_live_ = !options_.after;
    reading_ = !live_;
    if (options_.after) cursor_.head = *options_.after;
    attached_ = true;
    if (const auto ec =
            bus_->attach(options_.patterns, lane_, shared_from_this(), live_ ? cursor_ : start_)) {
        attached_ = false;
        return ec;
    }
    if (options_.after)
        lane_->enqueue([weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->begin();
        });
    return {};
}

void feed::begin() noexcept {
    const auto sink = sink_.lock();
    if (!sink || !attached_) return;
    reading_ = false;
    if (bus_->history()) {
        seen_ = std::max(seen_, start_.sequence);
        return pump();
    }
    // Without a history whatever lay after that position is gone.
    live_ = was_live_ = true;
    sink->push(make_gap_event({}));
    pump();
}

void feed::stop() noexcept {
    if (attached_.exchange(false)) bus_->detach(options_.patterns, lane_, this);
}

void feed::on_event(const event_ptr& e) noexcept {
    if (attached_) accept(e);
}

void feed::on_joined_event(const event_ptr& e, std::shared_ptr<delivery_join> join) noexcept {
    if (!attached_) return join->finished(errc::closed, outcome::closed);
    const auto result = accept(e);
    join->finished(result == outcome::dropped ? errc::overflow : error_code(), result);
}

outcome feed::accept(const event_ptr& e) noexcept {
    const auto sink = sink_.lock();
    if (!sink) return outcome::closed;
    const auto sequence = e->info().sequence;
    if (sequence != 0 && sequence <= cursor_.sequence) return outcome::queued;  // replayed already
    if (options_.origin != 0 && e->info().origin == options_.origin) {
        if (live_ && sequence != 0) move_to(e);
        return outcome::closed;
    }
    if (live_ && queue_.empty() && sink->ready()) {
        pass(*sink, e);
        return outcome::queued;
    }
    if (sequence != 0) {
        fall_behind(sequence, 1);
        return outcome::queued;
    }
    const auto result = queue_.push(e);
    dropped_ += result.dropped;
    if (result.overflowed) end(errc::lagging);
    return result.result;
}

// The cursor moves first: a sink may call back.
void feed::pass(feed_sink& sink, const event_ptr& e) noexcept {
    if (e->info().sequence != 0) move_to(e);
    sink.push(e);
}

// Into the text that is there: a delivery allocates nothing.
void feed::move_to(const event_ptr& e) noexcept {
    cursor_.head = *e->position();
    cursor_.sequence = e->info().sequence;
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
    dropped_ += count;
    if (options_.overflow == overflow::disconnect) return end(errc::lagging);
    queue_.miss(count);
    pump();
}

void feed::on_missed_kept(std::uint64_t count) noexcept {
    if (attached_) fall_behind(bus_->history()->head_sequence(), count);
}

void feed::on_bus_closed() noexcept {
    if (attached_) end(errc::closed);
}

void feed::pump() noexcept {
    const auto sink = sink_.lock();
    if (!sink || !attached_) return;
    if (live_)
        drain_queue(*sink);
    else if (!reading_ && sink->ready())
        read_more();
}

void feed::drain_queue(feed_sink& sink) noexcept {
    while (attached_ && sink.ready()) {
        const auto e = queue_.pop();
        if (!e) return;
        sink.push(e);
    }
}

void feed::read_more() noexcept {
    reading_ = true;
    bus_->history()->start_read(
        cursor_.head, options_.patterns, options_.slice,
        read_handler(lane_->executor(),
                     net::bind_executor(lane_->executor(),
                                        [weak = weak_from_this()](error_code ec, history_slice s) {
                                            if (const auto self = weak.lock())
                                                self->on_slice(ec, s);
                                        })));
}

void feed::on_slice(error_code ec, const history_slice& slice) noexcept {
    const auto sink = sink_.lock();
    if (sink && attached_) {
        if (ec) return end(errc::history_failed);
        if (take_slice(*sink, slice)) {
            cursor_ = {slice.next, slice.next_sequence};
            live_ = slice.at_end && slice.next_sequence >= seen_;
        }
    }
    if (live_) {
        was_live_ = true;
        behind_ = 0;
    }
    reading_ = false;
    pump();
}

// False when the sink did not take all of it. What does not fit is read again: the history is the
// buffer.
bool feed::take_slice(feed_sink& sink, const history_slice& slice) noexcept {
    if (slice.gap) {
        behind_ = 0;
        sink.push(make_gap_event(slice.next));
    }
    for (const auto& e : slice.events) {
        if (!attached_ || !sink.ready()) return false;
        move_to(e);
        const bool own = options_.origin != 0 && e->info().origin == options_.origin;
        if (own) continue;
        if (behind_ != 0) --behind_;
        if (!options_.authorized || options_.authorized(e->topic())) sink.push(e);
    }
    return attached_;
}

void feed::refresh(unique_function<void()> f) {
    bus_->locate(
        lane_, [weak = weak_from_this(), f = std::move(f)](const bus_state::place& here) mutable {
            const auto self = weak.lock();
            if (!self) return;
            if (self->live_ && self->queue_.empty() && here.sequence > self->cursor_.sequence)
                self->cursor_ = here;
            f();
        });
}

void feed::end(error_code why) noexcept {
    const auto keep = shared_from_this();
    stop();
    if (const auto sink = sink_.lock()) sink->on_feed_end(why);
}

}  // namespace tidings::detail
