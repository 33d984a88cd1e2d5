// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/authorizer.hpp>
#include <tidings/crypto/impl/hmac.hpp>

#include <algorithm>
#include <stdexcept>

namespace tidings {

namespace {

// The token of `Bearer <token>`, empty if it is something else. The scheme's case does not matter
// (RFC 9110 11.1).
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

}  // namespace

authenticator bearer_token(std::string token, std::string name) {
    if (token.empty()) throw std::invalid_argument("bearer_token: the token is empty");
    return [token = std::move(token), name = std::move(name)](const credentials& c,
                                                              error_code& ec) -> principal {
        ec = {};
        if (detail::equal_in_constant_time(bearer_credentials(c.authorization), token))
            return {.name = name, .anonymous = false};
        ec = errc::unauthorized;
        return {};
    };
}

authenticator allow_anonymous() {
    return [](const credentials&, error_code& ec) {
        ec = {};
        return principal{};
    };
}

authenticator loopback_only() {
    return [](const credentials& c, error_code& ec) {
        ec = {};
        if (!c.loopback) ec = errc::address_not_loopback;
        return principal{};
    };
}

authorizer subscribe_only() {
    return [](const principal& p, action a, std::string_view) {
        if (a == action::subscribe) return true;
        const std::string_view wanted = a == action::publish ? "publish" : "manage";
        return std::find(p.grants.begin(), p.grants.end(), wanted) != p.grants.end();
    };
}

authorizer allow_all() {
    return [](const principal&, action, std::string_view) { return true; };
}

}  // namespace tidings
