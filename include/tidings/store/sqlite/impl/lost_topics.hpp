// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tidings::sqlite::detail {

/// What one rule of a history has lost: the newest offset of each topic of which something is gone,
/// so that only a reader that could have had it gets a gap. Bounded: of the topics whose loss is
/// oldest only the newest offset of all stays.
class lost_topics {
 public:
    static constexpr std::size_t max_topics = 4096;

    explicit lost_topics(std::string pattern) : pattern_(std::move(pattern)) {}

    /// Offsets of one topic rise.
    TIDINGS_DECL void note(std::string_view topic, std::uint64_t offset) noexcept;
    /// Something of any topic is gone up to there.
    TIDINGS_DECL void forget_through(std::uint64_t offset) noexcept;
    /// The newest that is gone, lies after `offset` and could have matched one of the patterns;
    /// 0: there is none.
    TIDINGS_DECL std::uint64_t find(std::uint64_t offset,
                                    const std::vector<std::string>& patterns) const;

    const std::string& pattern() const noexcept { return pattern_; }
    std::uint64_t evicted() const noexcept { return evicted_; }
    std::uint64_t forgotten() const noexcept { return forgotten_; }

 private:
    std::string pattern_;
    std::uint64_t evicted_ = 0;
    std::uint64_t forgotten_ = 0;
    std::map<std::uint64_t, std::string> by_offset_;
    std::unordered_map<std::string_view, std::uint64_t> by_topic_;  // views of the other's texts
};

}  // namespace tidings::sqlite::detail
