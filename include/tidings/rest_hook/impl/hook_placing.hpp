// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/unique_function.hpp>

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace tidings::rest_hook::detail {

/// Where the places of a subscription begin is being written down by the outbox. Each of them owns
/// this until that is done, or given up. Safe from any thread.
class hook_placing {
 public:
    hook_placing() = default;
    hook_placing(const hook_placing&) = delete;
    hook_placing& operator=(const hook_placing&) = delete;
    ~hook_placing() {
        for (auto& f : waiting_) f(!failed_);
    }

    /// Calls `f`, wherever the last place is done, with whether all were.
    void then(unique_function<void(bool)> f) {
        const std::lock_guard lock(mutex_);
        waiting_.push_back(std::move(f));
    }
    void fail() noexcept {
        const std::lock_guard lock(mutex_);
        failed_ = true;
    }

    /// One place's share, which has failed where it ends before it is done.
    class share {
     public:
        explicit share(std::shared_ptr<hook_placing> of) noexcept : of_(std::move(of)) {}
        share(share&&) = default;
        share& operator=(share&&) = delete;
        ~share() {
            if (of_) of_->fail();
        }
        void done() noexcept { of_.reset(); }

     private:
        std::shared_ptr<hook_placing> of_;
    };

 private:
    std::mutex mutex_;
    std::vector<unique_function<void(bool)>> waiting_;
    bool failed_ = false;
};

}  // namespace tidings::rest_hook::detail
