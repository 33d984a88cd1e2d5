// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <condition_variable>
#include <mutex>

namespace tidings::sqlite::detail {

/// Lets the writing thread wait until no read is open, so that the write-ahead log can begin anew.
/// Reads wait meanwhile.
class read_gate {
 public:
    void enter() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !is_closed_; });
        is_inside_ = true;
    }
    void leave() {
        const std::lock_guard lock(mutex_);
        is_inside_ = false;
        changed_.notify_all();
    }
    void close() {
        std::unique_lock lock(mutex_);
        is_closed_ = true;
        changed_.wait(lock, [this] { return !is_inside_; });
    }
    void open() {
        const std::lock_guard lock(mutex_);
        is_closed_ = false;
        changed_.notify_all();
    }

 private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_closed_ = false;
    bool is_inside_ = false;
};

}  // namespace tidings::sqlite::detail
