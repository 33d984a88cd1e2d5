// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/topic.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tidings::detail {

/// A token as a number. One of at most 8 bytes is its own name, its bytes and then zeros, so that
/// no table has to be asked for it; of a longer one it is `long_token` and the number that a table
/// gives it. The two cannot be equal: UTF-8 has no byte 0xff.
using token_name = std::uint64_t;
inline constexpr std::size_t short_token = 8;
inline constexpr token_name no_token = 0;
inline constexpr token_name long_token = token_name{0xff} << 56;

inline constexpr bool little_endian = std::endian::native == std::endian::little;

/// The name of a short token whose bytes, and what follows them, are in `word`.
constexpr token_name name_in(std::uint64_t word, std::size_t size) noexcept {
    if (size == 0) return no_token;
    const auto unused = 8 * (short_token - size);
    return little_endian ? word << unused >> unused : word >> unused << unused;
}

/// The name of a short token.
inline token_name name_of(std::string_view token) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, token.data(), token.size());
    return word;
}

/// The name of `tidings`, for which no wildcard in the first place stands.
inline constexpr token_name library_token = [] {
    token_name name = 0;
    int i = 0;
    for (const char c : std::string_view("tidings"))
        name |= token_name{static_cast<unsigned char>(c)} << 8 * (little_endian ? i++ : 7 - i++);
    return name;
}();

/// The tokens of a topic by name.
class topic_words {
 public:
    /// `find_long(token)` has the name of a long one, or `no_token`. False where the topic is
    /// longer than one can be.
    template <class FindLong>
    bool split(std::string_view topic, FindLong find_long) noexcept {
        if (topic.size() > max_topic_bytes) return false;
        // The last of these are read, and mean nothing.
        std::array<char, max_topic_bytes + short_token> text;
        std::memcpy(text.data(), topic.data(), topic.size());
        std::memset(text.data() + topic.size(), 0, short_token);
        std::size_t start = 0;
        const auto end_at = [&](std::size_t end) {
            if (count_ == max_topic_tokens) return false;
            const auto size = end - start;
            names_[count_++] = size <= short_token ? name_in(read(&text[start]), size)
                                                   : find_long(topic.substr(start, size));
            start = end + 1;
            return true;
        };
        for (std::size_t at = 0; at < topic.size(); at += sizeof(std::uint64_t))
            for (auto dots = dots_in(read(&text[at])); dots != 0;)
                if (!end_at(at + take_first(dots))) return false;
        return topic.empty() || end_at(topic.size());
    }

    std::size_t size() const noexcept { return count_; }
    bool of_library() const noexcept { return count_ != 0 && names_[0] == library_token; }
    token_name operator[](std::size_t i) const noexcept { return names_[i]; }

 private:
    static std::uint64_t read(const char* p) noexcept {
        std::uint64_t word;
        std::memcpy(&word, p, sizeof word);
        return word;
    }
    // The high bit of each byte that is a dot.
    static constexpr std::uint64_t dots_in(std::uint64_t word) noexcept {
        constexpr std::uint64_t low_bits = 0x7f7f7f7f7f7f7f7f;
        word ^= 0x2e2e2e2e2e2e2e2e;
        return ~(((word & low_bits) + low_bits) | word | low_bits);
    }
    // Removes the first mark; its byte.
    static std::size_t take_first(std::uint64_t& marks) noexcept {
        const int bits = little_endian ? std::countr_zero(marks) : std::countl_zero(marks);
        marks &= little_endian ? marks - 1 : ~(std::uint64_t{1} << (63 - bits));
        return static_cast<std::size_t>(bits) / 8;
    }

    std::size_t count_ = 0;
    std::array<token_name, max_topic_tokens> names_;  // not initialised
};

}  // namespace tidings::detail
