// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/random.hpp>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace tidings::io {

namespace {

// How many forks lie between the process and its first ancestor: a child must not use what its
// parent has drawn.
std::atomic<unsigned> forks{0};

class openssl_random final : public random {
 public:
#if defined(__unix__) || defined(__APPLE__)
    openssl_random() noexcept {
        if (::pthread_atfork(nullptr, nullptr, [] { ++forks; }) != 0) std::abort();
    }
#endif
    void fill(std::span<std::byte> out) noexcept override {
        thread_local std::array<std::byte, 512> pool;
        thread_local std::size_t left = 0;
        thread_local unsigned drawn_after = 0;
        if (out.size() > pool.size()) return draw(out);
        const auto now = forks.load(std::memory_order_relaxed);
        if (left < out.size() || drawn_after != now) {
            draw(pool);
            left = pool.size();
            drawn_after = now;
        }
        left -= out.size();
        std::memcpy(out.data(), pool.data() + left, out.size());
        OPENSSL_cleanse(pool.data() + left, out.size());
    }

 private:
    // A process without a source of randomness must not go on with predictable secrets.
    static void draw(std::span<std::byte> out) noexcept {
        if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()),
                       static_cast<int>(out.size())) != 1)
            std::abort();
    }
};

}  // namespace

std::uint64_t random::next() noexcept {
    std::uint64_t value = 0;
    fill(std::as_writable_bytes(std::span(&value, 1)));
    return value;
}

random& system_random() noexcept {
    static openssl_random instance;
    return instance;
}

}  // namespace tidings::io
