// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tidings::webhook {

/// What an answer's status means for a delivery.
enum class verdict {
    success = 1,    ///< 2xx: delivered.
    gone = 2,       ///< 410: the endpoint wants nothing any more; disable it.
    throttled = 3,  ///< 429, 502, 503, 504: try again later, and spare the endpoint until then.
    retry = 4,      ///< Anything else, redirects included (they are never followed): try again.
    permanent = 5,  ///< A status the user declared hopeless: do not try again.
};

struct retry_options {
    /// How long to wait before each attempt, counted from the end of the one before. As many
    /// attempts as entries; the default is that of Standard Webhooks 1.0.0, three days in all.
    std::vector<std::chrono::milliseconds> delays = {
        std::chrono::seconds(0),  std::chrono::seconds(5), std::chrono::minutes(5),
        std::chrono::minutes(30), std::chrono::hours(2),   std::chrono::hours(5),
        std::chrono::hours(10),   std::chrono::hours(14),  std::chrono::hours(20),
        std::chrono::hours(24)};
    /// Each delay is multiplied by a number between 1 - jitter and 1 + jitter. 0 to 1.
    double jitter = 0.2;
    /// A peer's Retry-After counts up to this much.
    std::chrono::seconds max_retry_after = std::chrono::hours(24);
    /// Statuses after which to give up at once, such as 400, 401, 404, 413, 415. None of 2xx, 410.
    std::vector<unsigned> permanent_statuses = {};
};

/// The schedule of Standard Webhooks 1.0.0, which is the default: ten attempts in three days.
TIDINGS_DECL retry_options standard_retries();
/// The schedule of Svix: eight attempts in 28 hours.
TIDINGS_DECL retry_options svix_retries();
/// So many attempts, the first at once: the second after `first`, each later one after twice the
/// wait before it, up to `longest`. `retry_schedule` refuses what makes no sense.
TIDINGS_DECL retry_options exponential_retries(std::chrono::milliseconds first,
                                               std::chrono::milliseconds longest,
                                               std::size_t attempts);

/// When to try a delivery again. Holds no clock and no randomness: both come from the caller, which
/// waits. Immutable, so safe from any thread.
class retry_schedule {
 public:
    /// @throws std::invalid_argument for an empty list, a
    /// duration that is negative or over 365 days, a jitter outside 0 to 1, or 2xx or 410 among the
    /// permanent statuses.
    TIDINGS_DECL explicit retry_schedule(retry_options options = {});

    /// How long to wait when `attempts` have failed: 0 asks for the wait before the first. Nothing
    /// when the schedule is at its end. The jitter is drawn from `random`, of which every value
    /// must be as likely; a Retry-After is never undercut by it.
    TIDINGS_DECL std::optional<std::chrono::milliseconds> next(
        std::size_t attempts, std::optional<std::chrono::seconds> retry_after,
        std::uint64_t random) const noexcept;

    /// `status` is 0 when there was no answer.
    TIDINGS_DECL verdict classify(unsigned status) const noexcept;

    /// The wait before the first attempt, without jitter.
    std::chrono::milliseconds first() const noexcept { return options_.delays.front(); }
    /// The longest wait there can be.
    TIDINGS_DECL std::chrono::milliseconds longest() const noexcept;

    std::size_t max_attempts() const noexcept { return options_.delays.size(); }

 private:
    retry_options options_;
};

}  // namespace tidings::webhook
