// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <chrono>
#include <cstddef>
#include <limits>

namespace tidings::store {

/// What an outbox does with an entry for which there is no room.
enum class at_bound {
    /// The oldest entry that is not claimed becomes a dead letter (errc::outbox_full); at the bound
    /// of the whole outbox the oldest of the endpoint that holds the most bytes.
    drop_oldest,
    /// The endpoint (of the whole outbox: the one that holds the most bytes) is disabled with
    /// errc::outbox_full, and all that is not claimed of it becomes dead letters.
    disable,
    refuse,  ///< the new entry is refused with errc::outbox_full
};

/// Bounds of what is owed: by `max_entries` and `max_bytes` when entries are appended, by `max_age`
/// in `async_retain`, which a sender calls once an hour while it delivers. Where nothing can make
/// room, the new entry is refused, whatever `policy`.
///
/// Bytes are those held: of an entry its texts and the bookkeeping, and those of its message. Of
/// one endpoint a message counts in full, in all once, however many entries share it.
struct outbox_limits {
    std::size_t max_entries = std::numeric_limits<std::size_t>::max();
    std::size_t max_bytes = std::numeric_limits<std::size_t>::max();
    /// An entry that was appended longer ago becomes a dead letter (errc::webhook_expired). 0: none
    std::chrono::milliseconds max_age{0};
    at_bound policy = at_bound::drop_oldest;
};

/// Bounds of what is kept to be looked at; the oldest go first.
struct outbox_log_limits {
    std::size_t max_bytes = 64 * 1024 * 1024;
    std::chrono::milliseconds max_age = std::chrono::hours(24 * 7);
};

struct outbox_options {
    outbox_limits total{.max_entries = 1'000'000, .max_bytes = 256 * 1024 * 1024};
    outbox_limits each{.max_entries = 100'000, .max_bytes = 64 * 1024 * 1024};  ///< per endpoint
    outbox_log_limits dead{};
    outbox_log_limits attempts{};
    outbox_log_limits attempt_counts{};  ///< by endpoint and minute, 160 bytes each
    /// What is owed to an endpoint that was not added for so long becomes dead letters.
    std::chrono::milliseconds keep_unknown = std::chrono::hours(24 * 7);
};

}  // namespace tidings::store
