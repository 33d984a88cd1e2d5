// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/test/manual_clock.hpp>

#include <chrono>
#include <concepts>

namespace tidings::test {

/// Runs a context, one handler at a time, until `done()`. False when nothing is left to run or
/// `ceiling` has passed: it is there to fail, never waited for. For tests with one thread.
template <class Context, std::predicate Done>
[[nodiscard]] bool run_io_until(Context& io, Done done,
                                std::chrono::milliseconds ceiling = std::chrono::seconds(60)) {
    const auto latest = std::chrono::steady_clock::now() + ceiling;
    while (!done()) {
        if (io.stopped()) io.restart();
        if (io.run_one_until(latest) == 0) return done();
    }
    return true;
}

/// The same where all time is the clock's: when nothing is ready, it advances to the next deadline.
/// False when there is none, or none before `ceiling` of its time has passed.
template <class Context, std::predicate Done>
[[nodiscard]] bool run_io_until(Context& io, manual_clock& clock, Done done,
                                std::chrono::milliseconds ceiling = std::chrono::minutes(10)) {
    const auto latest = clock.now() + ceiling;
    while (!done()) {
        if (io.stopped()) io.restart();
        if (io.poll_one() != 0) continue;
        const auto next = clock.next_deadline();
        if (!next || *next > latest) return false;
        clock.advance_to_next();
    }
    return true;
}

}  // namespace tidings::test
