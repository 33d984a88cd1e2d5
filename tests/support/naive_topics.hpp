// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidings::test {

using tokens = std::vector<std::string>;

inline tokens split(std::string_view text) {
    tokens result(1);
    for (const char c : text) {
        if (c == '.')
            result.emplace_back();
        else
            result.back() += c;
    }
    return result;
}

/// Whether a topic matches a pattern: the grammar's own words, written as a recursion.
inline bool naive_matches(const tokens& pattern, const tokens& topic, std::size_t i = 0) {
    const bool wild = i < pattern.size() && (pattern[i] == ">" || pattern[i] == "*");
    if (i == 0 && wild && topic[0] == "tidings") return false;
    if (i < pattern.size() && pattern[i] == ">") return topic.size() > i;
    if (i == pattern.size() || i == topic.size()) return pattern.size() == topic.size();
    return (pattern[i] == "*" || pattern[i] == topic[i]) && naive_matches(pattern, topic, i + 1);
}

}  // namespace tidings::test
