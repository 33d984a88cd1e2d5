// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/group/group_seat.hpp>
#include <tidings/bus/impl/group/queue_groups.hpp>

namespace tidings::detail {

void group_seat::leave() noexcept {
    group_->vacate();
    if (const auto all = group_->registry().lock()) all->leave(*group_);
}

void group_seat::pass_on(std::shared_ptr<group_member> whose) noexcept {
    if (posted_.exchange(true)) return;
    whose_ = std::move(whose);
    group_->home()->post(*this);
}

// It may be posted again from here on.
std::shared_ptr<group_member> group_seat::take_owner() noexcept {
    auto owner = std::move(whose_);
    posted_ = false;
    return owner;
}

void group_seat::run() noexcept {
    const auto owner = take_owner();  // which owns this seat
    group_->hand_on(*owner);
}

void group_seat::drop() noexcept {
    const auto owner = take_owner();
    while (owner->give_up()) {
    }
}

}  // namespace tidings::detail
