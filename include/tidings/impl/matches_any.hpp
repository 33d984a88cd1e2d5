// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/topic.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::detail {

/// Whether one of the patterns matches the topic.
inline bool matches_any(const std::vector<std::string>& patterns, std::string_view topic) noexcept {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string& p) { return topic_matches(p, topic); });
}

}  // namespace tidings::detail
