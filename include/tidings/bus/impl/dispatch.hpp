// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/graveyard.hpp>
#include <tidings/bus/impl/pattern_entry.hpp>
#include <tidings/bus/impl/publish_join.hpp>
#include <tidings/bus/impl/topic_route.hpp>

namespace tidings::detail {

/// One publication on its way to the subscriptions that it matches.
struct dispatch {
    std::shared_ptr<publish_join> join{};
    topic_route* route = nullptr;
    receipt result{};
    event_ptr event{};  // as it was dispatched; null until then
    std::vector<std::shared_ptr<const pattern_entry::immediate_list>> immediates{};
    bool from_history = false;  // the join waits for the end of this dispatch
    graveyard gone{};

    /// Puts the event into every queue and lane of a pattern; the bus's mutex is held. `home` times
    /// publishers that wait for room.
    TIDINGS_DECL void hand_to(const pattern_entry& entry, std::uint64_t ticket,
                              const std::shared_ptr<lane>& home);
    /// Calls the immediate callbacks, which may publish, subscribe and unsubscribe; the mutex is
    /// not held.
    TIDINGS_DECL void finish() noexcept;
};

}  // namespace tidings::detail
