// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/clock.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace tidings::detail {

class timer_wheel;

/// What a timer calls. A capture of one pointer is kept in place: timers are members of what they
/// time, and an idle connection has several.
class expiry_callback {
    template <class F>
    static constexpr bool in_place =
        sizeof(F) <= sizeof(void*) &&
        alignof(F) <= alignof(void*) && std::is_trivially_copyable_v<F>;
    struct operations {
        void (*call)(void* storage);
        void (*destroy)(void* storage) noexcept;
    };

 public:
    template <std::invocable<> F>
    explicit expiry_callback(F f) : operations_(&of<F>) {
        if constexpr (in_place<F>)
            ::new (static_cast<void*>(storage_)) F(f);
        else
            ::new (static_cast<void*>(storage_)) F*(new F(std::move(f)));
    }
    expiry_callback(const expiry_callback&) = delete;
    expiry_callback& operator=(const expiry_callback&) = delete;
    ~expiry_callback() { operations_->destroy(storage_); }

    void operator()() { operations_->call(storage_); }

 private:
    template <class T>
    static T& at(void* p) noexcept {
        return *std::launder(static_cast<T*>(p));
    }
    template <class F>
    static constexpr operations of{[](void* p) {
                                       if constexpr (in_place<F>)
                                           at<F>(p)();
                                       else
                                           (*at<F*>(p))();
                                   },
                                   [](void* p) noexcept {
                                       if constexpr (!in_place<F>) delete at<F*>(p);
                                   }};

    const operations* operations_;
    alignas(void*) std::byte storage_[sizeof(void*)];
};

/// One deadline of a wheel, a member of what it times. Fires at most once per `arm`. Destroying or
/// cancelling it drops the callback. Never moves. Its callback may destroy it, and the wheel, if it
/// touches nothing it captured afterwards.
class wheel_timer {
 public:
    template <std::invocable<> F>
    explicit wheel_timer(F on_expire) : on_expire_(std::move(on_expire)) {}
    wheel_timer(const wheel_timer&) = delete;
    wheel_timer& operator=(const wheel_timer&) = delete;
    ~wheel_timer() { cancel(); }

    /// Arms it anew; it fires no earlier than `after` and at most one tick later.
    TIDINGS_DECL void arm(timer_wheel& wheel, std::chrono::milliseconds after) noexcept;
    TIDINGS_DECL void cancel() noexcept;
    bool armed() const noexcept { return wheel_ != nullptr; }

 private:
    friend class timer_wheel;
    expiry_callback on_expire_;
    timer_wheel* wheel_ = nullptr;
    wheel_timer* next_ = nullptr;
    wheel_timer** link_ = nullptr;  // what points at us
    std::uint64_t due_tick_ = 0;
};

/// The timers of one lane: a hashed wheel, arming and cancelling in constant time. Lane-confined.
/// The clock's timer is armed only while a deadline is pending; where memory for that is missing,
/// `starved` is called, which sees to it that `retry` is.
class timer_wheel {
 public:
    static constexpr std::chrono::milliseconds tick{20};

    TIDINGS_DECL timer_wheel(net::any_io_executor executor, io::clock& clock,
                             unique_function<void()> starved = {});
    TIDINGS_DECL ~timer_wheel();
    timer_wheel(const timer_wheel&) = delete;
    timer_wheel& operator=(const timer_wheel&) = delete;

    io::clock& clock() const noexcept { return clock_; }
    std::size_t armed() const noexcept { return armed_; }
    /// Waits for what is armed, unless it does.
    TIDINGS_DECL void retry() noexcept;

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
    unique_function<void()> starved_;
    io::steady_time start_;
    std::uint64_t current_ = 0;        // the last tick that was expired
    std::uint64_t waiting_until_ = 0;  // the clock's timer is armed for this tick; 0: it is not
    std::size_t armed_ = 0;
    bool* destroyed_ = nullptr;  // set by the destructor while callbacks run
    std::array<wheel_timer*, slots> heads_{};
};

}  // namespace tidings::detail
