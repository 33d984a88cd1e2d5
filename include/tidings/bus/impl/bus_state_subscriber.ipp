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
