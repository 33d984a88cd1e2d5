// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/text/utf8.hpp>

#include <array>
#include <cstring>

namespace tidings {
namespace detail {

// The automaton packed into one word per byte: the six bits at a state's offset are the offset of
// the next state, so that a step is one load and one shift. The rejecting state has offset 0, which
// makes every transition that is not named lead to it, and itself lead nowhere else.
struct utf8_table {
    static constexpr unsigned accepted = utf8_accepted;
    static constexpr unsigned one_more = 12;  // continuation bytes still missing
    static constexpr unsigned two_more = 18;
    static constexpr unsigned three_more = 24;
    static constexpr unsigned after_e0 = 30;  // the lead bytes that restrict what follows
    static constexpr unsigned after_ed = 36;
    static constexpr unsigned after_f0 = 42;
    static constexpr unsigned after_f4 = 48;

    std::array<std::uint64_t, 256> rows{};

    constexpr utf8_table() {
        allow(accepted, 0x00, 0x7f, accepted);
        allow(accepted, 0xc2, 0xdf, one_more);  // c0 and c1 would be overlong
        allow(accepted, 0xe0, 0xe0, after_e0);
        allow(accepted, 0xe1, 0xec, two_more);
        allow(accepted, 0xed, 0xed, after_ed);
        allow(accepted, 0xee, 0xef, two_more);
        allow(accepted, 0xf0, 0xf0, after_f0);
        allow(accepted, 0xf1, 0xf3, three_more);
        allow(accepted, 0xf4, 0xf4, after_f4);  // f5 and up would be above U+10FFFF
        allow(one_more, 0x80, 0xbf, accepted);
        allow(two_more, 0x80, 0xbf, one_more);
        allow(three_more, 0x80, 0xbf, two_more);
        allow(after_e0, 0xa0, 0xbf, one_more);  // below: overlong
        allow(after_ed, 0x80, 0x9f, one_more);  // above: surrogates
        allow(after_f0, 0x90, 0xbf, two_more);  // below: overlong
        allow(after_f4, 0x80, 0x8f, two_more);  // above: beyond U+10FFFF
    }

    constexpr void allow(unsigned from, unsigned first, unsigned last, unsigned to) {
        for (unsigned byte = first; byte <= last; ++byte) {
            rows[byte] |= static_cast<std::uint64_t>(to) << from;
        }
    }
};

inline constexpr utf8_table utf8_automaton;

inline std::uint64_t utf8_word(const std::byte* bytes) noexcept {
    std::uint64_t word;
    std::memcpy(&word, bytes, sizeof word);
    return word;
}

}  // namespace detail

bool utf8_validator::feed(std::span<const std::byte> bytes) noexcept {
    constexpr std::uint64_t not_ascii = 0x8080'8080'8080'8080;
    const auto& rows = detail::utf8_automaton.rows;
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    std::uint64_t state = state_;
    // Only the six low bits of `state` mean something; what is above them is other rows' rest.
    const auto step = [&](std::byte byte) {
        state = rows[std::to_integer<std::size_t>(byte)] >> (state & 63);
    };
    while (left >= 8) {
        if ((state & 63) == detail::utf8_accepted) {
            while (left >= 32 && ((detail::utf8_word(at) | detail::utf8_word(at + 8) |
                                   detail::utf8_word(at + 16) | detail::utf8_word(at + 24)) &
                                  not_ascii) == 0) {
                at += 32;
                left -= 32;
            }
            while (left >= 8 && (detail::utf8_word(at) & not_ascii) == 0) {
                at += 8;
                left -= 8;
            }
            if (left < 8) break;
        }
        for (std::size_t i = 0; i < 8; ++i) step(at[i]);
        at += 8;
        left -= 8;
    }
    for (std::size_t i = 0; i < left; ++i) step(at[i]);
    state_ = static_cast<std::uint8_t>(state & 63);
    return valid();
}

bool is_valid_utf8(std::string_view text) noexcept {
    utf8_validator validator;
    validator.feed(std::as_bytes(std::span{text}));
    return validator.complete();
}

}  // namespace tidings
