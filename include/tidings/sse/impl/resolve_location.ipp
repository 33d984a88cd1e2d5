// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/sse/impl/resolve_location.hpp>

#include <algorithm>

namespace tidings::sse::detail {

using namespace tidings::detail;

namespace {

bool has_scheme(std::string_view reference) noexcept {
    const auto colon = reference.find(':');
    const auto in_scheme = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '+' || c == '-' || c == '.';
    };
    return colon != std::string_view::npos && colon != 0 &&
           std::all_of(reference.begin(), reference.begin() + static_cast<std::ptrdiff_t>(colon),
                       in_scheme);
}

// RFC 3986 5.2.4, of a path that begins with a slash.
std::string without_dots(std::string_view path) {
    std::string out;
    while (!path.empty()) {
        const auto end = std::min(path.find('/', 1), path.size());
        const auto segment = path.substr(0, end);
        path.remove_prefix(end);
        const bool up = segment == "/..";
        if (up) out.erase(std::min(out.rfind('/'), out.size()));
        if (!up && segment != "/.")
            out += segment;
        else if (path.empty())
            out += '/';
    }
    return out;
}

}  // namespace

std::string resolve_location(std::string_view base, std::string_view location) {
    if (has_scheme(location)) return std::string(location);
    base = base.substr(0, base.find('#'));
    const auto scheme_end = std::min(base.find("://"), base.size());
    const auto authority_end = std::min(base.find_first_of("/?", scheme_end + 3), base.size());
    if (location.starts_with("//")) return std::string(base.substr(0, scheme_end + 1)) += location;

    const std::string origin(base.substr(0, authority_end));
    const auto target = base.substr(authority_end);
    const auto path = target.substr(0, target.find('?'));
    const auto tail = std::min(location.find_first_of("?#"), location.size());
    const auto merged = location.substr(0, tail);
    const auto rest = location.substr(tail);
    if (merged.starts_with('/')) return origin + without_dots(merged) + std::string(rest);
    if (!merged.empty()) {
        const auto folder = path.empty() ? "/" : std::string(path.substr(0, path.rfind('/') + 1));
        return origin + without_dots(folder + std::string(merged)) + std::string(rest);
    }
    return origin + std::string(rest.starts_with('?') ? path : target) + std::string(rest);
}

}  // namespace tidings::sse::detail
