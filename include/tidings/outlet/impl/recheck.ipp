// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/finds_memory.hpp>
#include <tidings/lane/impl/turn_reserve.hpp>
#include <tidings/outlet/impl/recheck.hpp>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/system_executor.hpp>

#include <mutex>
#include <optional>

namespace tidings::detail {

class recheck_join final : public context_dependent,
                           public std::enable_shared_from_this<recheck_join> {
 public:
    explicit recheck_join(recheck_handler h) : handler_(std::move(h)) {}

    void begin_part() noexcept {
        const std::lock_guard lock(mutex_);
        ++open_;
    }
    // What completes is posted with the mutex held, so that its context does not end meanwhile.
    void end_part() noexcept {
        const std::lock_guard lock(mutex_);
        if (--open_ != 0 || !handler_) return;
        const auto post = [this] {
            net::post(handler_->executor(),
                      net::bind_executor(handler_->own_executor(),
                                         [self = shared_from_this()] { self->complete(); }));
        };
        while (!finds_memory(post))
            if (!turn_reserve::of_process().release()) return;  // the context's end drops it
    }
    void fail(error_code why) noexcept {
        const std::lock_guard lock(mutex_);
        if (!why_) why_ = why;
    }
    void on_context_end() noexcept override {
        std::optional<recheck_handler> dropped;  // what it captured ends outside the mutex
        const std::lock_guard lock(mutex_);
        dropped = std::exchange(handler_, std::nullopt);
    }

 private:
    void complete() {
        std::unique_lock lock(mutex_);
        auto h = std::exchange(handler_, std::nullopt);
        const auto why = why_;
        lock.unlock();
        if (h) std::move(*h).complete_here(why);
    }

    std::mutex mutex_;  // guards the rest
    std::optional<recheck_handler> handler_;
    error_code why_;
    std::size_t open_ = 0;
};

namespace {

class recheck_part {
 public:
    explicit recheck_part(std::shared_ptr<recheck_join> join) : join_(std::move(join)) {
        join_->begin_part();
    }
    recheck_part(recheck_part&&) = default;
    ~recheck_part() {
        if (!join_) return;
        join_->fail(errc::closed);
        join_->end_part();
    }
    void operator()() { std::exchange(join_, nullptr)->end_part(); }

 private:
    std::shared_ptr<recheck_join> join_;
};

}  // namespace

std::shared_ptr<recheck_join> make_recheck_join(recheck_handler handler) {
    const auto executor = handler.executor();
    auto join = std::make_shared<recheck_join>(std::move(handler));
    watch_context(executor, join);
    return join;
}

unique_function<void()> take_part(std::shared_ptr<recheck_join> join) {
    return recheck_part(std::move(join));
}

bool takes_part(recheck_join& join, const recheck_filter& which, const principal& who) {
    try {
        return which(who);
    } catch (...) {
        join.fail(errc::callback_threw);
        return false;
    }
}

bool has_ended(const std::shared_ptr<bus_state>& bus) noexcept {
    return bus && bus->executor() == ended_executor();
}

net::any_io_executor service_executor(const std::shared_ptr<bus_state>& bus) noexcept {
    return !bus || has_ended(bus) ? net::any_io_executor(net::system_executor()) : bus->executor();
}

}  // namespace tidings::detail
