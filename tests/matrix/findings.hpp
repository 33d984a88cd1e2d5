// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidings::matrix {

/// What is wrong, one sentence each; empty when nothing is. Checks return them instead of failing,
/// so that the mutation run can show that a planted fault is found.
using findings = std::vector<std::string>;

inline void add(findings& to, findings more) {
    for (auto& f : more) to.push_back(std::move(f));
}

/// Whether one of them says so.
inline bool tells(const findings& all, std::string_view word) {
    for (const auto& f : all)
        if (f.find(word) != std::string::npos) return true;
    return false;
}

/// One a line, for INFO.
inline std::string to_text(const findings& all) {
    std::string text;
    for (const auto& f : all) text += (text.empty() ? "" : "\n") + f;
    return text;
}

}  // namespace tidings::matrix
