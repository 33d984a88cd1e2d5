// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/subscription/subscription_state.hpp>

namespace tidings::detail {

/// A subscription that counts each event as it comes.
class counted_subscription : public subscription_state {
 public:
    subscription_counters counters() const noexcept override {
        const auto get = [](const auto& n) { return n.load(std::memory_order_relaxed); };
        return {get(matched), get(delivered), get(dropped), get(discarded), get(failed)};
    }
    static void add(std::atomic<std::uint64_t>& counter, std::uint64_t n = 1) noexcept {
        counter.fetch_add(n, std::memory_order_relaxed);
    }
    /// The same where a mutex, or a turn, keeps others from adding.
    static void bump(std::atomic<std::uint64_t>& counter, std::uint64_t n = 1) noexcept {
        counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }

    std::atomic<std::uint64_t> matched{0}, delivered{0}, dropped{0}, discarded{0}, failed{0};
};

/// Makes a subscription that ends with the context that it runs on.
template <class S, class... Args>
std::shared_ptr<S> make_subscription(Args&&... args) {
    auto made = std::make_shared<S>(std::forward<Args>(args)...);
    watch_context(made->executor(), made->weak_from_this());
    return made;
}

}  // namespace tidings::detail
