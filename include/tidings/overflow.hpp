// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tidings {

/// What a bounded queue does when it is full. Drops are counted, and announced to the subscriber as
/// a `tidings.lagged` event before the next one it gets. A slow subscriber never delays another.
enum class overflow : std::uint8_t {
    disconnect,   ///< Close the subscriber; it may resume. Default of WebSocket and SSE.
    drop_oldest,  ///< Drop the oldest. Default of queues in the process.
    drop_newest,  ///< Drop what does not fit.
    /// Keep the latest event of each topic; what it replaces counts as dropped. What is behind and
    /// reads from the history reads the latest of each topic.
    conflate,
    /// `async_publish` waits for room up to a deadline; `publish` drops the newest. A subscriber
    /// that resumed (`subscribe_options::after`) makes no publisher wait: the history is its queue,
    /// and what no history holds is dropped when it is full, the newest first.
    backpressure,
};

/// The bound of one queue: whichever is reached first.
struct queue_limits {
    std::size_t max_bytes = 1024 * 1024;  ///< the sum of `publication::footprint`
    std::size_t max_events = 1024;
};

}  // namespace tidings
