// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/subscription.hpp>

#include <atomic>

namespace tidings::detail {

/// What a subscription handle and the bus share. One class per way of delivering.
class subscription_state : public std::enable_shared_from_this<subscription_state> {
 public:
    explicit subscription_state(net::any_io_executor executor, error_code refused = {})
        : executor_(std::move(executor)), active_(!refused), ended_(static_cast<bool>(refused)), error_(refused) {}
    virtual ~subscription_state() = default;
    subscription_state(const subscription_state&) = delete;
    subscription_state& operator=(const subscription_state&) = delete;

    const net::any_io_executor& executor() const noexcept { return executor_; }
    bool active() const noexcept { return active_.load(std::memory_order_acquire); }
    error_code error() const noexcept { return active() ? error_code() : error_; }

    /// Ends it, once: takes it off the bus, discards what is queued. From any thread.
    void end(error_code why) noexcept {
        if (ended_.exchange(true, std::memory_order_acq_rel)) return;
        error_ = why;
        active_.store(false, std::memory_order_release);
        on_end(why);
        if (auto f = std::exchange(detach_, nullptr)) f();
    }
    /// Ends it; completes after the last call of the callback.
    virtual void end_and_wait(completion_handler<error_code> handler) {
        end(errc::closed);
        std::move(handler)(error_code());
    }

    /// Set before anyone else sees the object: takes it off the bus.
    void on_detach(unique_function<void()> f) { detach_ = std::move(f); }

    subscription_counters counters() const noexcept {
        const auto get = [](const auto& n) { return n.load(std::memory_order_relaxed); };
        return {get(matched), get(delivered), get(dropped), get(discarded), get(failed)};
    }
    static void add(std::atomic<std::uint64_t>& counter, std::uint64_t n = 1) noexcept {
        counter.fetch_add(n, std::memory_order_relaxed);
    }

    std::atomic<std::uint64_t> matched{0}, delivered{0}, dropped{0}, discarded{0}, failed{0};

 protected:
    virtual void on_end(error_code why) noexcept = 0;

 private:
    net::any_io_executor executor_;
    std::atomic<bool> active_;
    std::atomic<bool> ended_;
    error_code error_;  // written before active_ turns false, read after
    unique_function<void()> detach_;
};

}  // namespace tidings::detail
