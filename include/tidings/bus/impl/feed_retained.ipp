// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/feed.hpp>

#include <algorithm>

namespace tidings::detail {

// One slice. What does not fit is read again; the next slice comes with another turn of the lane,
// so that a long list holds up nothing else in it.
void feed::read_retained(feed_sink& sink) noexcept {
    reading_ = true;  // a sink may call back
    auto slice = bus_->read_retained(options_.patterns, retained_->after, retained_->through,
                                     options_.slice);
    if (slice.error) return end(slice.error);
    for (const auto& [number, e] : slice.items) {
        if (!attached_) return;
        if (!sink.ready()) {
            reading_ = false;
            return;
        }
        retained_->after = number;
        if (wants(*e)) sink.push(e);
    }
    if (!attached_) return;
    reading_ = false;
    retained_->after = slice.next;
    if (slice.next == retained_->through) return end_retained(sink);
    if (!pump_later()) end(errc::out_of_memory);
}

// What was published since it was put on the bus follows: from the history, or from the queue.
void feed::end_retained(feed_sink& sink) noexcept {
    retained_.reset();
    if (bus_->history()) move_to(start_);
    if (cursor_.number() >= seen_) become_live();
    sink.on_retained_end();
    pump();
}

}  // namespace tidings::detail
