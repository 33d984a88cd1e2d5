// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/text/json_media_type.hpp>

#include <algorithm>
#include <cstddef>

namespace tidings {

bool is_json_media_type(std::string_view content_type) noexcept {
    const auto media = content_type.substr(0, content_type.find(';'));
    const auto slash = media.find('/');
    if (slash == std::string_view::npos) return false;
    auto subtype = media.substr(slash + 1);
    while (subtype.ends_with(' ')) subtype.remove_suffix(1);
    const auto ends = [&](std::string_view tail) {
        return subtype.size() >= tail.size() &&
               std::equal(tail.begin(), tail.end(),
                          subtype.end() - static_cast<std::ptrdiff_t>(tail.size()),
                          [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b + 32 : b); });
    };
    return ends("+json") || (subtype.size() == 4 && ends("json"));
}

}  // namespace tidings
