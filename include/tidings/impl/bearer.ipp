// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/hmac.hpp>
#include <tidings/impl/bearer.hpp>

#include <algorithm>

namespace tidings::detail {

std::string_view bearer_credentials(std::string_view authorization) noexcept {
    constexpr std::string_view scheme = "bearer ";
    const bool bearer =
        authorization.size() > scheme.size() &&
        std::equal(scheme.begin(), scheme.end(), authorization.begin(),
                   [](char s, char c) { return s == (c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
    if (!bearer) return {};
    authorization.remove_prefix(scheme.size());
    const auto begin = authorization.find_first_not_of(' ');
    return begin == std::string_view::npos ? std::string_view() : authorization.substr(begin);
}

bool bears_token(std::string_view authorization, std::string_view token) noexcept {
    return !token.empty() && equal_in_constant_time(bearer_credentials(authorization), token);
}

}  // namespace tidings::detail
