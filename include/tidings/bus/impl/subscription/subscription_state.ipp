// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/bus/impl/feed.hpp>
#include <tidings/bus/impl/group/group_seat.hpp>
#include <tidings/bus/impl/subscription/subscription_state.hpp>

namespace tidings::detail {

subscription_state::~subscription_state() = default;

void subscription_state::detach() noexcept {
    if (fed_) fed_->source->stop();
    if (const auto b = bus()) b->remove(*this);
    fed_.reset();
    if (seat_) seat_->leave();
}

}  // namespace tidings::detail
