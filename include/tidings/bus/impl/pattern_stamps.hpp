// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus/impl/index/seeded_hash.hpp>
#include <tidings/text/impl/take_token.hpp>
#include <tidings/topic.hpp>

#include <array>
#include <cstdint>
#include <string_view>

namespace tidings::detail {

/// Says for a topic whether patterns that it may match have come or gone since. A literal pattern
/// concerns its topic, one with wildcards the topics with its first token, or all of them where
/// that is a wildcard; and few others, whose hashes fall together. Not thread-safe.
class pattern_stamps {
 public:
    explicit pattern_stamps(std::uint64_t seed) noexcept : hash_(seed) {}

    /// Rises when a pattern has come or gone that the topic may match.
    std::uint64_t of(std::string_view topic) const noexcept {
        return literal_[place(topic, literal_)] + first_[place(first_token(topic), first_)];
    }
    /// A pattern comes or goes.
    void note(std::string_view pattern) noexcept {
        if (is_literal_pattern(pattern)) {
            ++literal_[place(pattern, literal_)];
            return;
        }
        const auto token = first_token(pattern);
        if (token != "*" && token != ">") {
            ++first_[place(token, first_)];
            return;
        }
        for (auto& f : first_) ++f;
    }

 private:
    static std::string_view first_token(std::string_view text) noexcept { return take_token(text); }
    std::size_t place(std::string_view text, const auto& stamps) const noexcept {
        return hash_(text) % stamps.size();
    }

    const seeded_hash hash_;
    std::array<std::uint64_t, 256> literal_{};
    std::array<std::uint64_t, 64> first_{};
};

}  // namespace tidings::detail
