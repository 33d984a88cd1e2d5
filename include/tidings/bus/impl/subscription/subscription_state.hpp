// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/context_end.hpp>
#include <tidings/subscription.hpp>

#include <atomic>

namespace tidings::detail {

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

    /// Ends it in silence, and drops whoever waits: the bus's context is gone.
    void abandon() noexcept { let_go(begin_end(errc::closed)); }
    /// The context that it runs on is gone, and perhaps not the bus's.
    void on_context_end() noexcept final {
        const bool first = begin_end(errc::closed);
        turn_away();
        let_go(first);
        release();
        executor_ = ended_executor();
    }

    /// Set before anyone else sees the object: takes it off the bus.
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
    virtual void on_end(error_code why) noexcept = 0;
    /// Tells publishers that wait for room.
    virtual void turn_away() noexcept {}
    /// Drops events and the handlers of who waits for them or for room, without a call.
    virtual void drop_waiting() noexcept {}
    /// Nothing will run any more: lets go of callbacks.
    virtual void release() noexcept {}

 private:
    bool begin_end(error_code why) noexcept {
        if (ended_.exchange(true, std::memory_order_acq_rel)) return false;
        error_ = why;
        active_.store(false, std::memory_order_release);
        return true;
    }
    void let_go(bool first) noexcept {
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
