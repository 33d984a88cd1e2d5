// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace tidings::test {

/// Of every wait between threads; reached only where something is broken.
constexpr std::chrono::seconds longest_wait{120};

/// Where threads wait for each other.
class board {
 public:
    void changed() {
        { const std::lock_guard lock(mutex_); }
        changed_.notify_all();
    }
    /// False if it did not come true in `at_most`.
    template <class F>
    bool wait(F done, std::chrono::milliseconds at_most = longest_wait) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, at_most, done);
    }

 private:
    std::mutex mutex_;
    std::condition_variable changed_;
};

}  // namespace tidings::test
