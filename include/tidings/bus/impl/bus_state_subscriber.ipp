// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_state.hpp>

namespace tidings::detail {

namespace {

outcome outcome_of(error_code ec) noexcept {
    if (ec == errc::closed) return outcome::closed;
    return ec ? outcome::dropped : outcome::delivered;
}

}  // namespace

event_ptr bus_state::take_over(const event_ptr& e, error_code& ec) {
    auto info = e->info();
    // From another bus: that bus is where it must not go back to.
    if (info.bus != 0) {
        info.origin = info.bus;
        ++info.hops;
    }
    if (!is_loss_signal(e->topic())) ec = check_topic(e->topic());
    if (const stage now = stage_; info.bus == 0 && now != stage::open) ec = refusal_at(now);
    auto frozen = ec ? event_ptr() : maker_.make(e->topic(), e, std::move(info), ec);
    if (ec) report_refused(e, ec);
    return frozen;
}

// What nobody else knows needs no block of its own.
event_ptr bus_state::take_over(event_ptr&& e, error_code& ec) {
    if (e->info().bus != 0 || is_loss_signal(e->topic()) || stage_ != stage::open)
        return take_over(std::as_const(e), ec);
    ec = check_topic(e->topic());
    if (!ec && maker_.adopt(e)) return std::move(e);
    return take_over(std::as_const(e), ec);
}

outcome bus_state::deliver(const event_ptr& e) noexcept {
    return outcome_of(publish(e).error);
}

void bus_state::start_deliver(event_ptr e, deliver_handler handler) {
    auto map = [h = std::move(handler)](error_code ec, const receipt&) mutable {
        std::move(h)(ec, outcome_of(ec));
    };
    start_publish(e, lane_->completion<publish_handler>(std::move(map)));
}

}  // namespace tidings::detail
