// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/bus_state.hpp>
#include <tidings/bus/impl/pattern_entry.hpp>
#include <tidings/bus/impl/subscription/direct_subscription.hpp>

namespace tidings::detail {

void direct_subscription::enter(pattern_entry& entry, retired_list&) {
    entry.add(home(), shared_as<direct_subscription>());
}

void direct_subscription::leave(pattern_entry& entry, retired_list&) noexcept {
    entry.remove(home(), this);
}

void direct_subscription::on_event(const event_ptr& e) noexcept {
    if (filter_.lets_through(*e)) push(e);
}

void direct_subscription::on_joined_event(const event_ptr& e,
                                          std::shared_ptr<delivery_join> join) noexcept {
    if (active() && !filter_.lets_through(*e)) return join->skipped();
    push_joined(e, std::move(join));
}

void direct_subscription::on_missed(std::uint64_t count) noexcept {
    if (!active()) return;
    miss(count);
    if (policy_ == overflow::disconnect) return end(errc::lagging);
    announce_missed();  // or before the next event
}

}  // namespace tidings::detail
