// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/bus/impl/queue_mutex.hpp>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace tidings::test {

namespace {

TEST_CASE("the mutex of a queue lets one thread in at a time, and wakes those that wait",
          "[threads]") {
    detail::queue_mutex mutex;
    long entered = 0;
    std::vector<std::thread> threads;
    std::atomic<int> begun{0};
    {
        const std::lock_guard held(mutex);
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&] {
                ++begun;
                begun.notify_one();
                for (int i = 0; i < 100; ++i) {
                    const std::lock_guard lock(mutex);
                    const auto before = entered;
                    std::this_thread::yield();  // the others find it held
                    entered = before + 1;
                }
            });
        for (int n = 0; n != 4; n = begun) begun.wait(n);
        CHECK(entered == 0);
    }
    for (auto& t : threads) t.join();
    CHECK(entered == 400);
    CHECK(mutex.try_lock());
    CHECK_FALSE(mutex.try_lock());
    mutex.unlock();
    CHECK(mutex.try_lock());
    mutex.unlock();
}

}  // namespace

}  // namespace tidings::test
