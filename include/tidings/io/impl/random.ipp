// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/random.hpp>

#include <openssl/rand.h>

#include <array>
#include <cstdlib>
#include <cstring>

namespace tidings::io {

namespace {

class openssl_random final : public random {
 public:
    void fill(std::span<std::byte> out) noexcept override {
        thread_local std::array<std::byte, 512> pool;
        thread_local std::size_t left = 0;
        if (out.size() > pool.size()) return draw(out);
        if (left < out.size()) {
            draw(pool);
            left = pool.size();
        }
        left -= out.size();
        std::memcpy(out.data(), pool.data() + left, out.size());
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

random& system_random() noexcept {
    static openssl_random instance;
    return instance;
}

}  // namespace tidings::io
