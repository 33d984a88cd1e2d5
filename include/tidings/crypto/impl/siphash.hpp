// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tidings::detail {

/// SipHash-2-4 (Aumasson, Bernstein 2012): 64 bits of a text under a secret key, without which
/// nobody can make two texts that collide. For tables; not for signatures.
class siphash {
 public:
    constexpr siphash(std::uint64_t key0, std::uint64_t key1) noexcept : key0_(key0), key1_(key1) {}

    std::uint64_t operator()(std::string_view text) const noexcept {
        state s{key0_ ^ 0x736f6d6570736575U, key1_ ^ 0x646f72616e646f6dU,
                key0_ ^ 0x6c7967656e657261U, key1_ ^ 0x7465646279746573U};
        const auto length = static_cast<std::uint64_t>(text.size()) << 56;
        for (; text.size() >= word; text.remove_prefix(word)) s.take(word_of(text));
        s.take(length | bytes_of(text));
        s.v2 ^= 0xff;
        for (int i = 0; i < 4; ++i) s.round();
        return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
    }

 private:
    static constexpr std::size_t word = 8;
    struct state {
        std::uint64_t v0, v1, v2, v3;

        constexpr void round() noexcept {
            v0 += v1;
            v2 += v3;
            v1 = std::rotl(v1, 13) ^ v0;
            v3 = std::rotl(v3, 16) ^ v2;
            v0 = std::rotl(v0, 32);
            v2 += v1;
            v0 += v3;
            v1 = std::rotl(v1, 17) ^ v2;
            v3 = std::rotl(v3, 21) ^ v0;
            v2 = std::rotl(v2, 32);
        }
        constexpr void take(std::uint64_t m) noexcept {
            v3 ^= m;
            round();
            round();
            v0 ^= m;
        }
    };
    static std::uint64_t word_of(std::string_view text) noexcept {
        if constexpr (std::endian::native != std::endian::little)
            return bytes_of(text.substr(0, word));
        std::uint64_t value = 0;
        std::memcpy(&value, text.data(), word);
        return value;
    }
    // The first is the least.
    static constexpr std::uint64_t bytes_of(std::string_view text) noexcept {
        std::uint64_t value = 0;
        for (std::size_t i = text.size(); i-- != 0;)
            value = value << 8 | static_cast<unsigned char>(text[i]);
        return value;
    }

    std::uint64_t key0_, key1_;
};

}  // namespace tidings::detail
