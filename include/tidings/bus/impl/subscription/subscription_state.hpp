// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/reclaim/retirable.hpp>
#include <tidings/impl/context_end.hpp>
#include <tidings/subscription.hpp>

#include <atomic>
#include <memory>

namespace tidings::detail {

class bus_members;
class bus_state;
class feed;
class feed_sink;
class group_seat;
struct pattern_entry;

/// What brings the events of a subscription that began in the past, and of an outlet.
struct feeding {
    std::shared_ptr<feed> source;
    std::shared_ptr<feed_sink> sink;
};

/// What a subscription handle and the bus share. One class per way of delivering.
class subscription_state : public context_dependent,
                           public std::enable_shared_from_this<subscription_state> {
 public:
    subscription_state() = default;
    subscription_state(const subscription_state&) = delete;
    subscription_state& operator=(const subscription_state&) = delete;
    TIDINGS_DECL ~subscription_state() override;

    /// Where its callback runs; once that context is gone, what drops everything.
    virtual net::any_io_executor executor() const noexcept = 0;
    bool active() const noexcept { return active_.load(std::memory_order_acquire); }
    error_code error() const noexcept { return active() ? error_code() : error_; }

    /// Ends it, once: takes it off the bus, discards what is queued. From any thread.
    void end(error_code why) noexcept {
        if (!begin_end(why)) return;
        on_end(why);
        detach();
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
    }

    /// Whether nothing waits in it and no call is under way; asked in the bus's lane.
    virtual bool idle() = 0;

    /// Joins and leaves the entry of its pattern; called with the bus's mutex held, unless a feed
    /// brings its events.
    virtual void enter(pattern_entry& entry, retired_list& gone) = 0;
    virtual void leave(pattern_entry& entry, retired_list& gone) noexcept = 0;
    /// Whether it must have every event: a feed brings them from the first on.
    virtual bool outlet() const noexcept { return false; }
    /// Where a feed puts its events.
    virtual std::shared_ptr<feed_sink> sink() = 0;
    /// The feed that fills it from here on.
    virtual void follow(const std::shared_ptr<feed>& /*source*/) {}

    /// Its place in a queue group, or null. It is given before the bus knows the subscription.
    group_seat* seat() const noexcept { return seat_.get(); }
    void sit_on(std::shared_ptr<group_seat> s) noexcept { seat_ = std::move(s); }

    /// Which events of its pattern it wants, where it says so itself; never changes.
    virtual event_filter filter() const noexcept { return {}; }

    /// Announcements in band were published by no bus; they are not counted.
    static bool counts(const event_ptr& e) noexcept { return e->info().bus != 0; }
    virtual subscription_counters counters() const noexcept = 0;

 protected:
    template <class T>
    std::shared_ptr<T> shared_as() {
        return std::static_pointer_cast<T>(shared_from_this());
    }
    std::shared_ptr<bus_state> bus() const noexcept { return bus_.lock(); }
    virtual void on_end(error_code why) noexcept = 0;
    /// Completes publishers that wait for room with errc::closed.
    virtual void turn_away() noexcept {}
    /// Discards events and pending handlers without completing them.
    virtual void drop_waiting() noexcept {}
    /// Nothing will run any more: releases callbacks, and the executor.
    virtual void release() noexcept {}

 private:
    friend class bus_members;
    friend class bus_state;
    TIDINGS_DECL void detach() noexcept;
    bool begin_end(error_code why) noexcept {
        if (ended_.exchange(true, std::memory_order_acq_rel)) return false;
        error_ = why;
        active_.store(false, std::memory_order_release);
        return true;
    }
    void discard(bool first) noexcept {
        drop_waiting();
        if (first) detach();
    }

    std::atomic<bool> active_{true};
    std::atomic<bool> ended_{false};
    std::shared_ptr<group_seat> seat_;
    error_code error_;  // written before active_ turns false, read after

    // The bus writes these, with its mutex held; `detach` takes the feed away.
    std::weak_ptr<bus_state> bus_;
    pattern_entry* entry_ = nullptr;
    subscription_state* previous_ = nullptr;  // of the bus's list
    subscription_state* next_ = nullptr;
    std::unique_ptr<feeding> fed_;
};

}  // namespace tidings::detail
