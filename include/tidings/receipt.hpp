// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/position.hpp>

#include <cstddef>
#include <optional>

namespace tidings {

/// What became of an event at one subscriber.
enum class outcome {
    delivered,  ///< Taken, done.
    queued,     ///< Handed over; what follows is in the subscription's counters.
    dropped,    ///< Refused by a bound; counted, and announced before the next event.
    closed,     ///< The subscriber is gone and takes nothing more.
};

/// What the publisher gets: matched = delivered + queued + dropped.
///
/// `publish` does not wait for outlets and streams (`any_subscriber`, WebSocket, SSE), and counts
/// each of their subscriptions that a pattern matches as queued: also one that the event will not
/// be handed back to because it came from there, or that its filter does not want, and a stream
/// once for each of its patterns that match. With a history that commits later it returns before
/// that, and counts nothing. `async_publish` counts the subscriptions that got it.
struct receipt {
    receipt() noexcept {}
    /// Of what was not published at all.
    explicit receipt(error_code why) noexcept : error(why) {}

    error_code error{};  ///< set when the event was not published at all
    std::optional<tidings::position>
        position{};  ///< where a history covers the topic and has it now
    std::size_t matched = 0;
    std::size_t delivered = 0;
    std::size_t queued = 0;
    std::size_t dropped = 0;

    /// Counts one subscriber's outcome; one that is closed does not count as matched.
    void count(outcome o) noexcept {
        if (o == outcome::closed) return;
        ++matched;
        ++(o == outcome::delivered ? delivered : o == outcome::queued ? queued : dropped);
    }
};

}  // namespace tidings
