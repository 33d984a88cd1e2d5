// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/short_mutex.hpp>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

#include <chrono>
#include <thread>

namespace tidings::detail {

namespace {

void pause_processor() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    _mm_pause();
#endif
}

}  // namespace

void short_mutex::wait_and_lock() noexcept {
    constexpr int looks = 8;  // as long as it is held, about
    constexpr std::chrono::microseconds nap(100);
    for (;;) {
        for (int i = 0; i < looks; ++i) {
            if (!locked_.load(std::memory_order_relaxed) && try_lock()) return;
            pause_processor();
        }
        std::this_thread::sleep_for(nap);
    }
}

}  // namespace tidings::detail
