// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/detail/short_mutex.hpp>

#include <mutex>
#include <thread>
#include <vector>

namespace tidings::test {

namespace {

TEST_CASE("a short mutex lets one thread in at a time", "[threads]") {
    detail::short_mutex mutex;
    long entered = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 20'000; ++i) {
                const std::lock_guard lock(mutex);
                ++entered;
            }
        });
    for (auto& t : threads) t.join();
    CHECK(entered == 80'000);
    CHECK(mutex.try_lock());
    CHECK_FALSE(mutex.try_lock());
    mutex.unlock();
    CHECK(mutex.try_lock());
    mutex.unlock();
}

}  // namespace

}  // namespace tidings::test
