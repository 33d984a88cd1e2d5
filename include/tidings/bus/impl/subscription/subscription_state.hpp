// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/context_end.hpp>
#include <tidings/subscription.hpp>
#include <tidings/unique_function.hpp>

#include <atomic>
#include <memory>

namespace tidings::detail {

class feed;
class feed_sink;
struct pattern_entry;

/// What a subscription handle and the bus share. One class per way of delivering. Made by
/// `make_subscription`.
class subscription_state : public context_dependent,
                           public std::enable_shared_from_this<subscription_state> {
 public:
    explicit subscription_state(net::any_io_executor executor, error_code refused = {})
        : executor_(std::move(executor)),
          active_(!refused),
          ended_(static_cast<bool>(refused)),
          error_(refused) {}
    subscription_state(const subscription_state&) = delete;
    subscription_state& operator=(const subscription_state&) = delete;

    const net::any_io_executor& executor() const noexcept { return executor_; }
    bool active() const noexcept { return active_.load(std::memory_order_acquire); }
    error_code error() const noexcept { return active() ? error_code() : error_; }

    /// Ends it, once: takes it off the bus, discards what is queued. From any thread.
    void end(error_code why) noexcept {
        if (!begin_end(why)) return;
        on_end(why);
        if (auto f = std::exchange(detach_, nullptr)) f();
    }
    /// Ends it; completes after the last call of the callback.
    virtual void end_and_wait(completion_handler<error_code> handler) {
        end(errc::closed);
        std::move(handler)(error_code());
    }

    /// Ends it without completing pending handlers: the bus's context is gone.
    void abandon() noexcept { discard(begin_end(errc::closed)); }
    /// The context that it runs on is gone, and perhaps not the bus's.
    void on_context_end() noexcept final {
        const bool first = begin_end(errc::closed);
        turn_away();
        discard(first);
        release();
        executor_ = ended_executor();
    }

    /// Whether nothing waits in it and no call is under way; asked in the bus's lane.
    virtual bool idle() = 0;

    /// Joins and leaves the entry of its pattern; called with the bus's mutex held.
    virtual void enter(pattern_entry& entry) = 0;
    virtual void leave(pattern_entry& entry) noexcept = 0;
    /// Where a feed puts the events of a subscription that begins in the past.
    virtual std::shared_ptr<feed_sink> sink() = 0;
    /// The feed that fills it from here on.
    virtual void follow(const std::shared_ptr<feed>& /*source*/) {}

    /// Set before any other thread sees the object: takes it off the bus.
    void on_detach(unique_function<void()> f) { detach_ = std::move(f); }

    subscription_counters counters() const noexcept {
        const auto get = [](const auto& n) { return n.load(std::memory_order_relaxed); };
        return {get(matched), get(delivered), get(dropped), get(discarded), get(failed)};
    }
    /// Announcements in band were published by no bus; they are not counted.
    static bool counts(const event_ptr& e) noexcept { return e->info().bus != 0; }
    static void add(std::atomic<std::uint64_t>& counter, std::uint64_t n = 1) noexcept {
        counter.fetch_add(n, std::memory_order_relaxed);
    }

    std::atomic<std::uint64_t> matched{0}, delivered{0}, dropped{0}, discarded{0}, failed{0};

 protected:
    template <class T>
    std::shared_ptr<T> shared_as() {
        return std::static_pointer_cast<T>(shared_from_this());
    }
    virtual void on_end(error_code why) noexcept = 0;
    /// Completes publishers that wait for room with errc::closed.
    virtual void turn_away() noexcept {}
    /// Discards events and pending handlers without completing them.
    virtual void drop_waiting() noexcept {}
    /// Nothing will run any more: releases callbacks.
    virtual void release() noexcept {}

 private:
    bool begin_end(error_code why) noexcept {
        if (ended_.exchange(true, std::memory_order_acq_rel)) return false;
        error_ = why;
        active_.store(false, std::memory_order_release);
        return true;
    }
    void discard(bool first) noexcept {
        drop_waiting();
        if (!first) return;
        if (auto f = std::exchange(detach_, nullptr)) f();
    }

    net::any_io_executor executor_;
    std::atomic<bool> active_;
    std::atomic<bool> ended_;
    error_code error_;  // written before active_ turns false, read after
    unique_function<void()> detach_;
};

template <class S, class... Args>
std::shared_ptr<S> make_subscription(Args&&... args) {
    auto made = std::make_shared<S>(std::forward<Args>(args)...);
    watch_context(made->executor(), made->weak_from_this());
    return made;
}

}  // namespace tidings::detail
