// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/subscription.hpp>

#include <string>
#include <vector>

namespace tidings {

/// What stands on a bus under a pattern.
enum class subscription_kind {
    immediate,   ///< a callback that runs inside `publish`
    callback,    ///< a callback on its executor
    receiver,    ///< a queue that a coroutine reads
    subscriber,  ///< a subscriber or an endpoint, called by the bus
    stream,      ///< a stream of a service: a cursor
};

/// A subscription that matches a topic, at one moment.
struct explained_subscription {
    std::string pattern{};
    subscription_kind kind = subscription_kind::immediate;
    /// Its queue is full, or publishers wait for room in it: its overflow policy decides.
    bool full = false;
    /// Which events of the pattern it wants, as `event_filter::json`; empty: all.
    std::string filter{};
    /// What it has seen; of a stream nothing, since that counts in its own lane.
    subscription_counters counters{};
    std::string group{};  ///< Its queue group, of which one member gets an event.
};

/// What a bus would do with an event of a topic: see `bus::explain`.
struct explanation {
    std::string topic{};
    /// Why a publication there would be refused, whatever the event; empty when it would not.
    error_code refused{};
    bool kept = false;         ///< A history covers the topic.
    std::string kept_by{};     ///< By this rule; empty where the history is not the library's own.
    std::size_t standing = 0;  ///< How many subscriptions the bus has in all.
    std::vector<explained_subscription> subscriptions{};  ///< Those that match.
};

/// Words for people: a line on the topic, and one on each subscription. Their form may change.
TIDINGS_DECL std::string to_string(const explanation& e);

}  // namespace tidings
