// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/context_end.hpp>

#include <boost/asio/execution_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/system_executor.hpp>

#include <mutex>
#include <vector>

namespace tidings::detail {

namespace {

// Asio shuts down all services of a context before it destroys the first, so that strands and
// timers may still end in here.
class context_service final : public net::execution_context::service {
 public:
    static inline net::execution_context::id id;

    explicit context_service(net::execution_context& context) : service(context) {}

    void add(std::weak_ptr<context_dependent> d) {
        const std::lock_guard lock(mutex_);
        if (dependents_.size() >= prune_at_) {
            std::erase_if(dependents_, [](const auto& w) { return w.expired(); });
            prune_at_ = 2 * dependents_.size() + 64;
        }
        dependents_.push_back(std::move(d));
    }

 private:
    void shutdown() override {
        std::vector<std::weak_ptr<context_dependent>> telling;
        {
            const std::lock_guard lock(mutex_);
            telling.swap(dependents_);
        }
        for (const auto& weak : telling)
            if (const auto d = weak.lock()) d->on_context_end();
    }

    std::mutex mutex_;
    std::vector<std::weak_ptr<context_dependent>> dependents_;
    std::size_t prune_at_ = 64;
};

struct dropping_executor {
    net::execution_context& query(net::execution::context_t) const noexcept {
        return net::query(net::system_executor(), net::execution::context);
    }
    dropping_executor require(net::execution::blocking_t::never_t) const noexcept { return *this; }
    template <class F>
    void execute(F&&) const noexcept {}
    friend bool operator==(dropping_executor, dropping_executor) noexcept = default;
};

}  // namespace

void watch_context(const net::any_io_executor& executor, std::weak_ptr<context_dependent> d) {
    auto& context = net::query(executor, net::execution::context);
    // Services end in the reverse of the order in which they began. This one ends before strands
    // drop their handlers, of which one may be the last owner of a dependent.
    if (!net::has_service<context_service>(context))
        static_cast<void>(net::strand<net::any_io_executor>(executor));
    net::use_service<context_service>(context).add(std::move(d));
}

net::any_io_executor ended_executor() {
    return dropping_executor();
}

}  // namespace tidings::detail
