// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/target_headers.hpp>
#include <tidings/text/impl/ascii.hpp>

#include <algorithm>
#include <array>

namespace tidings::rest_hook::detail {

using namespace tidings::detail;

std::string_view refusal_of_header(std::string_view name, std::string_view value) noexcept {
    static constexpr std::array<std::string_view, 19> names{
        "host",    "connection",      "keep-alive", "te",         "trailer", "transfer-encoding",
        "upgrade", "expect",          "via",        "forwarded",  "age",     "cache-control",
        "date",    "accept-encoding", "range",      "user-agent", "cookie",  "origin",
        "referer"};
    static constexpr std::array<std::string_view, 7> starts{
        "content-", "proxy-", "sec-", "webhook-", "ce-", "x-hook-", "x-forwarded-"};
    if (!is_token(name)) return "no name of a field (RFC 9110 5.1)";
    const bool ours =
        std::any_of(names.begin(), names.end(),
                    [&](auto other) { return equal_ignoring_case(name, other); }) ||
        std::any_of(starts.begin(), starts.end(), [&](auto start) {
            return name.size() >= start.size() && starts_with_ignoring_case(name, start);
        });
    if (ours) return "a field of the sender's own";
    // Other bytes mean one thing here and another there.
    const bool plain = std::all_of(value.begin(), value.end(),
                                   [](char c) { return (c >= ' ' && c <= '~') || c == '\t'; });
    if (!plain || value.empty() || value.front() == ' ' || value.back() == ' ' ||
        value.front() == '\t' || value.back() == '\t')
        return "no value of a field: printable ASCII, without a space at either end";
    return {};
}

}  // namespace tidings::rest_hook::detail
