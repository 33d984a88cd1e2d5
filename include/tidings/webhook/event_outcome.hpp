// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/delivery_outcome.hpp>

#include <chrono>
#include <vector>

namespace tidings::webhook {

/// What became of one event at the endpoints that it went to (`sender::async_outcome`).
struct event_outcome {
    /// One for each endpoint, in order of ids; of one that it went to more than once the last.
    std::vector<delivery_outcome> deliveries{};
    /// The sender knows whatever ended behind this time of its clock. Of an event that was
    /// published later the list is whole; of an older one it may lack what ended before.
    std::chrono::system_clock::time_point known_since{};
};

}  // namespace tidings::webhook
