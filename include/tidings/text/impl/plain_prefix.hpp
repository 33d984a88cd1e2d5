// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tidings::detail {

/// How many bytes at the front are certainly printable ASCII and none of `Not`, looked at eight at
/// a time: there may be up to seven more. What follows has to be looked at byte by byte.
template <char... Not>
std::size_t plain_prefix(std::string_view text) noexcept {
    constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
    // The highest bit of each byte that equals `c`, and maybe of one that follows such a byte.
    [[maybe_unused]] const auto equals = [](std::uint64_t word, char c) {
        const auto difference = word ^ (ones * static_cast<unsigned char>(c));
        return (difference - ones) & ~difference;
    };
    std::size_t count = 0;
    for (; text.size() - count >= sizeof(std::uint64_t); count += sizeof(std::uint64_t)) {
        std::uint64_t word;
        std::memcpy(&word, text.data() + count, sizeof word);
        // Each sum and difference stays within its byte, or follows one that is out of range.
        const auto out_of_range = word | (word + ones) | (word - ones * ' ');
        const auto stops = (out_of_range | ... | equals(word, Not)) & (ones * 0x80);
        if (stops == 0) continue;
        // Nothing goes from a byte to one of less weight: the first that is marked is one.
        if constexpr (std::endian::native == std::endian::little)
            count += static_cast<std::size_t>(std::countr_zero(stops)) / 8;
        break;
    }
    return count;
}

}  // namespace tidings::detail
