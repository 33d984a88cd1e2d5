// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/history.hpp>
#include <tidings/log.hpp>
#include <tidings/overflow.hpp>
#include <tidings/retained.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace tidings {

class metrics_sink;

struct bus_options {
    history_options history{};
    log_sink log{};
    std::shared_ptr<metrics_sink> metrics{};
    io::clock* clock = nullptr;  ///< null: the machine's
    std::size_t max_subscriptions = 1'000'000;
    /// How long `async_drain` waits for callbacks, receivers and outlets.
    std::chrono::milliseconds drain_timeout{30'000};
    /// Frames and JSON texts that are kept beside its events, so that each is made once for all
    /// readers. The oldest that nothing sends go first, and are made again when asked for. They
    /// count in no other bound; what queues still send may go beyond this one.
    std::size_t max_form_bytes = 64 * 1024 * 1024;
    /// What waits in one lane (of this bus, or of a server) for the executor to run its next turn.
    /// Beyond that, and where memory is missing, streams and outlets read from the history what it
    /// holds. What no history holds, and what it has evicted by then, is dropped and announced, and
    /// of an outlet logged once per burst; an `async_publish` of it fails with errc::missed.
    queue_limits inbox{.max_bytes = 64 * 1024 * 1024, .max_events = 65'536};
    /// Topics whose newest event is kept for `subscribe_options::retained`, with a history or
    /// without one.
    std::vector<retained_rule> retained{};
    std::size_t max_requests = 65'536;  ///< that wait for an answer at once
    /// Patterns, at most `max_metric_patterns`, for each of which `metrics` counts publications
    /// whose topic matches: `topic_events`, `topic_deliveries` (delivered or queued) and
    /// `topic_drops`, with the label `pattern`. Of `async_publish` they count what it has done when
    /// it is dispatched, and not what queues and outlets answer later.
    std::vector<std::string> metric_patterns{};
    static constexpr std::size_t max_metric_patterns = 64;
};

}  // namespace tidings
