// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/clock.hpp>

#include <array>
#include <cstdint>
#include <memory>

namespace tidings::detail {

class timer_wheel;

/// One deadline of a wheel, a member of what it times. Fires at most once per `arm`. Destroying or
/// cancelling it drops the callback. Never moves. Its callback may destroy it, and the wheel, if it
/// touches nothing it captured afterwards.
class wheel_timer {
 public:
    explicit wheel_timer(unique_function<void()> on_expire) : on_expire_(std::move(on_expire)) {}
    wheel_timer(const wheel_timer&) = delete;
    wheel_timer& operator=(const wheel_timer&) = delete;
    ~wheel_timer() { cancel(); }

    /// Arms it anew; it fires no earlier than `after` and at most one tick later.
    TIDINGS_DECL void arm(timer_wheel& wheel, std::chrono::milliseconds after) noexcept;
    TIDINGS_DECL void cancel() noexcept;
    bool armed() const noexcept { return wheel_ != nullptr; }

 private:
    friend class timer_wheel;
    unique_function<void()> on_expire_;
    timer_wheel* wheel_ = nullptr;
    wheel_timer* next_ = nullptr;
    wheel_timer** link_ = nullptr;  // what points at us
    std::uint64_t due_tick_ = 0;
};

/// The timers of one lane: a hashed wheel, arming and cancelling in constant time. Lane-confined.
/// The clock's timer is armed only while a deadline is pending; where memory for that is missing,
/// with the next timer that is armed.
class timer_wheel {
 public:
    static constexpr std::chrono::milliseconds tick{20};

    TIDINGS_DECL timer_wheel(net::any_io_executor executor, io::clock& clock);
    TIDINGS_DECL ~timer_wheel();
    timer_wheel(const timer_wheel&) = delete;
    timer_wheel& operator=(const timer_wheel&) = delete;

    io::clock& clock() const noexcept { return clock_; }
    std::size_t armed() const noexcept { return armed_; }

 private:
    friend class wheel_timer;
    static constexpr std::size_t slots = 512;
    std::uint64_t tick_at(io::steady_time t) const noexcept;
    void link(wheel_timer& t, std::uint64_t due) noexcept;
    void unlink(wheel_timer& t) noexcept;
    static void put_front(wheel_timer*& head, wheel_timer& t) noexcept;
    static void take_out(wheel_timer& t) noexcept;
    std::uint64_t next_tick() const noexcept;
    void wait_until(std::uint64_t due) noexcept;
    void expire();
    bool fire(wheel_timer*& due);

    io::clock& clock_;
    std::unique_ptr<io::timer> timer_;
    io::steady_time start_;
    std::uint64_t current_ = 0;        // the last tick that was expired
    std::uint64_t waiting_until_ = 0;  // the clock's timer is armed for this tick; 0: it is not
    std::size_t armed_ = 0;
    bool* destroyed_ = nullptr;  // set by the destructor while callbacks run
    std::array<wheel_timer*, slots> heads_{};
};

}  // namespace tidings::detail
