// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tidings::detail {

/// The two halves of a 128-bit product, folded by exclusive or; for compilers without such a type.
constexpr std::uint64_t fold_multiply_portable(std::uint64_t a, std::uint64_t b) noexcept {
    const std::uint64_t a0 = a & 0xffffffff, a1 = a >> 32, b0 = b & 0xffffffff, b1 = b >> 32;
    const std::uint64_t low = a0 * b0, middle1 = a1 * b0, middle2 = a0 * b1;
    const std::uint64_t carry =
        ((low >> 32) + (middle1 & 0xffffffff) + (middle2 & 0xffffffff)) >> 32;
    return (low + (middle1 << 32) + (middle2 << 32)) ^
           (a1 * b1 + (middle1 >> 32) + (middle2 >> 32) + carry);
}

constexpr std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) noexcept {
#if defined(__SIZEOF_INT128__)
    __extension__ using wide = unsigned __int128;
    const wide product = static_cast<wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
#else
    return fold_multiply_portable(a, b);
#endif
}

/// A fast keyed 64-bit hash for hash tables whose keys strangers choose: a multiply and fold per
/// 16 bytes, as in wyhash, but every constant comes from the seed, since with public constants
/// there are texts that collide under any seed. Not for signatures. The values differ between
/// machines of different byte order.
class seeded_hash {
 public:
    /// @param seed unknown to strangers: from `io::random`, once per process.
    explicit constexpr seeded_hash(std::uint64_t seed) noexcept {
        for (auto& key : keys_) {
            // splitmix64
            seed += 0x9e3779b97f4a7c15U;
            std::uint64_t z = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9U;
            z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
            key = z ^ (z >> 31);
        }
        keys_[3] |= 1;
    }

    std::uint64_t operator()(std::string_view text) const noexcept {
        const char* p = text.data();
        const std::size_t size = text.size();
        std::uint64_t state = keys_[0];
        std::size_t left = size;
        for (; left > 16; left -= 16, p += 16)
            state = fold_multiply(read<std::uint64_t>(p) ^ keys_[1],
                                  read<std::uint64_t>(p + 8) ^ state);
        std::uint64_t a = 0, b = 0;
        if (left >= 8) {
            a = read<std::uint64_t>(p);
            b = read<std::uint64_t>(p + left - 8);
        } else if (left >= 4) {
            a = read<std::uint32_t>(p);
            b = read<std::uint32_t>(p + left - 4);
        } else if (left > 0) {
            a = static_cast<std::uint64_t>(static_cast<unsigned char>(p[0])) << 16 |
                static_cast<std::uint64_t>(static_cast<unsigned char>(p[left / 2])) << 8 |
                static_cast<unsigned char>(p[left - 1]);
        }
        // The size comes last: beside the text it could be cancelled by the text.
        const std::uint64_t mixed = fold_multiply(a ^ keys_[1], b ^ state);
        return fold_multiply(mixed ^ size ^ keys_[2], keys_[3]);
    }

    /// Of two numbers.
    std::uint64_t operator()(std::uint64_t a, std::uint64_t b) const noexcept {
        return fold_multiply(a ^ keys_[1], b ^ keys_[2]);
    }

 private:
    template <class Word>
    static std::uint64_t read(const char* p) noexcept {
        Word word;
        std::memcpy(&word, p, sizeof word);
        return word;
    }

    std::uint64_t keys_[4]{};
};

}  // namespace tidings::detail
