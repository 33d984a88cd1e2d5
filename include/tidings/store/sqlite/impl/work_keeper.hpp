// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/context_end.hpp>

#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

namespace tidings::sqlite::detail {

/// Keeps the user's `run()` from returning while a thread of ours works for it. The context may go
/// at any time. Safe from any thread.
class work_keeper final : public tidings::detail::context_dependent {
 public:
    explicit work_keeper(net::any_io_executor executor) : executor_(std::move(executor)) {}

    void begin() {
        const std::lock_guard lock(mutex_);
        if (++count_ == 1 && executor_)
            work_ = net::prefer(executor_, net::execution::outstanding_work.tracked);
    }
    // A context whose last work ends stops, also one that nobody runs yet, and its `run()` would
    // return at once. So the work ends in there, behind a handler that does nothing.
    void end() noexcept {
        const std::lock_guard lock(mutex_);
        if (--count_ != 0 || !work_) return;
        try {
            net::post(executor_, [] {});
        } catch (const std::bad_alloc&) {
            ++count_;  // it goes on until there is memory
            return;
        }
        work_ = {};
    }
    void on_context_end() noexcept override {
        const std::lock_guard lock(mutex_);
        work_ = {};
        executor_ = {};
    }

 private:
    std::mutex mutex_;
    net::any_io_executor executor_;
    net::any_io_executor work_;
    std::size_t count_ = 0;
};

/// One unit of that work.
class kept_work {
 public:
    kept_work() = default;
    explicit kept_work(std::shared_ptr<work_keeper> k) : keeper_(std::move(k)) { keeper_->begin(); }
    kept_work(kept_work&&) = default;
    kept_work& operator=(kept_work&&) = delete;
    ~kept_work() {
        if (keeper_) keeper_->end();
    }

 private:
    std::shared_ptr<work_keeper> keeper_;
};

}  // namespace tidings::sqlite::detail
