// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/random.hpp>

#include <mutex>

namespace tidings::test {

/// The same numbers in every run that begins with the same seed. Not for secrets. Safe from any
/// thread.
class fixed_random final : public io::random {
 public:
    explicit fixed_random(std::uint64_t seed = 1) noexcept : state_(seed) {}

    void fill(std::span<std::byte> out) noexcept override {
        const std::lock_guard lock(mutex_);
        std::uint64_t word = 0;
        for (std::size_t i = 0; i < out.size(); ++i) {
            if (i % sizeof(word) == 0) word = step();
            out[i] = static_cast<std::byte>(word >> (i % sizeof(word) * 8) & 0xff);
        }
    }

 private:
    // SplitMix64 (Steele, Lea, Flood 2014), public domain.
    std::uint64_t step() noexcept {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
    }

    std::mutex mutex_;
    std::uint64_t state_;
};

}  // namespace tidings::test
