// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/subscriber.hpp>
#include <tidings/test/run_until.hpp>

#include <atomic>
#include <mutex>
#include <new>
#include <optional>
#include <vector>

namespace tidings::test {

/// A subscriber that keeps what it is given, control events included. Make it with
/// `std::make_shared`, subscribe it or give it to an inlet, and let `wait_for` run the context:
///
///     const auto seen = std::make_shared<tidings::test::recorder>();
///     tidings::sse::client client{io, {.url = url, .topics = {">"}}, seen};
///     REQUIRE(seen->wait_for(3, io));
///
/// Safe from any thread, but for `wait_for`, which is for tests with one.
class recorder final : public subscriber {
 public:
    /// With an origin it is an outlet of that inlet: a bus does not hand it what came from there.
    explicit recorder(origin_id origin = 0) : origin_(origin) {}

    outcome deliver(const event_ptr& e) noexcept override {
        const auto o = answer_.load();
        if (o == outcome::dropped || o == outcome::closed) return o;
        try {
            const std::lock_guard lock(mutex_);
            events_.push_back(e);
            return o;
        } catch (const std::bad_alloc&) {
            return outcome::dropped;
        }
    }
    origin_id origin() const noexcept override { return origin_; }
    void on_unsubscribed(error_code why) noexcept override {
        const std::lock_guard lock(mutex_);
        unsubscribed_ = why;
    }

    /// What `deliver` answers from now on. What is dropped, or comes when it is closed, is not
    /// kept.
    void answer(outcome o) noexcept { answer_ = o; }

    std::vector<event_ptr> events() const {
        const std::lock_guard lock(mutex_);
        return events_;
    }
    std::size_t count() const {
        const std::lock_guard lock(mutex_);
        return events_.size();
    }
    void clear() {
        std::vector<event_ptr> ending;  // outside the lock
        const std::lock_guard lock(mutex_);
        ending.swap(events_);
    }
    /// Why its subscription ended, once it has.
    std::optional<error_code> unsubscribed() const {
        const std::lock_guard lock(mutex_);
        return unsubscribed_;
    }

    /// Runs the context until `n` events came. False when they never will, or not within `ceiling`.
    template <class Context>
    [[nodiscard]] bool wait_for(std::size_t n, Context& io,
                                std::chrono::milliseconds ceiling = std::chrono::seconds(60)) {
        return run_io_until(
            io, [&] { return count() >= n; }, ceiling);
    }
    /// The same where all time is the clock's.
    template <class Context>
    [[nodiscard]] bool wait_for(std::size_t n, Context& io, manual_clock& clock,
                                std::chrono::milliseconds ceiling = std::chrono::minutes(10)) {
        return run_io_until(
            io, clock, [&] { return count() >= n; }, ceiling);
    }

 private:
    const origin_id origin_;
    std::atomic<outcome> answer_{outcome::delivered};
    mutable std::mutex mutex_;
    std::vector<event_ptr> events_;  // guarded by mutex_, as the next
    std::optional<error_code> unsubscribed_;
};

}  // namespace tidings::test
