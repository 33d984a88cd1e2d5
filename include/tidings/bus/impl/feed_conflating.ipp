// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/feed.hpp>
#include <tidings/control_event.hpp>

#include <new>

namespace tidings::detail {

// Reads what it has missed, pushes the newest of each topic as there is room, and so on until it
// has missed nothing. What comes meanwhile is read before more is pushed.
void feed::catch_up(feed_sink& sink) noexcept {
    const auto keep = shared_from_this();
    try {
        if (!newest_) newest_ = std::make_unique<conflation>(cursor_, queue_.limits());
    } catch (const std::bad_alloc&) {
        return end(errc::out_of_memory);
    }
    goal_ = seen_;
    while (attached_ && sink.ready()) {
        const bool unread = asked_ || newest_->through() < goal_;
        if (unread && !newest_->full()) return read_more(newest_->at());
        reading_ = true;
        push_newest(sink);
        reading_ = false;
        goal_ = seen_;
        if (!newest_->empty() || newest_->through() < goal_) continue;
        if (newest_->at().number() > cursor_.number()) move_to(newest_->at());
        newest_.reset();
        become_live();
        return drain_queue(sink);
    }
}

void feed::push_newest(feed_sink& sink) noexcept {
    while (attached_ && !newest_->empty() && sink.ready()) {
        if (const auto count = newest_->superseded()) {
            const auto lagged = make_lagged_event(count);
            if (!lagged) return end(errc::out_of_memory);
            newest_->announced();
            count_dropped(count);
            sink.push(lagged);
            continue;
        }
        const auto e = newest_->take();
        move_to(*e->position());
        if (wants(*e)) sink.push(e);
    }
}

// As `take_slice`, but nothing is pushed yet.
void feed::collect(const history_slice& slice) noexcept {
    if (!attached_) return;
    asked_ = false;
    try {
        const auto read = newest_->collect(slice, seen_, start_,
                                           [this](const event_ptr& e) { return wants(*e); });
        behind_ -= std::min(behind_, read);
    } catch (const std::bad_alloc&) {
        end(errc::out_of_memory);
    }
}

}  // namespace tidings::detail
