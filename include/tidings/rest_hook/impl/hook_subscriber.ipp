// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_subscriber.hpp>

namespace tidings::rest_hook::detail {

// What is said of this place in particular, such as a gap, no other place brings.

outcome hook_subscriber::deliver(const event_ptr& e) noexcept {
    const auto way = outlet_->way_of(*e, pattern_);
    if (!way.to) return outcome::closed;
    if (way.brings) return way.to->deliver(e, place_);
    way.to->pass(place_, e->position());
    return outcome::delivered;
}

void hook_subscriber::start_deliver(event_ptr e, deliver_handler handler) {
    const auto way = outlet_->way_of(*e, pattern_);
    if (!way.to) return std::move(handler)(make_error_code(errc::closed), outcome::closed);
    if (!way.brings) {
        way.to->pass(place_, e->position());
        return std::move(handler)(error_code(), outcome::delivered);
    }
    way.to->start_deliver(e, std::move(handler), place_);
}

bool hook_subscriber::keeps_place() const noexcept {
    const auto to = outlet_->endpoint();
    const bool keeps = to && to->keeps_place();
    is_asked_ = keeps;
    return keeps;
}

void hook_subscriber::begun() noexcept {
    if (!is_asked_) placing_.done();
}

void hook_subscriber::start_locate(std::string_view pattern, position here, locate_handler h) {
    const auto to = outlet_->endpoint();
    if (!to) return std::move(h)(make_error_code(errc::closed), std::move(here));
    auto io = h.executor();
    auto on_located = [s = std::move(placing_), h = std::move(h)](error_code ec,
                                                                  position at) mutable {
        if (!ec) s.done();
        std::move(h)(ec, std::move(at));
    };
    place_ = to->locate(pattern, std::move(here), anew_, locate_handler(io, std::move(on_located)));
}

void hook_subscriber::on_passed(const position& at) noexcept {
    if (const auto to = outlet_->endpoint()) to->pass(place_, at);
}

void hook_subscriber::on_unsubscribed(error_code) noexcept {
    if (!place_) return;
    if (const auto to = outlet_->endpoint()) to->leave(place_);
}

net::any_io_executor hook_subscriber::default_executor() const noexcept {
    const auto to = outlet_->endpoint();
    return to ? to->executor() : tidings::detail::fallback_executor();
}

}  // namespace tidings::rest_hook::detail
