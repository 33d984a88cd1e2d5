// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/authorizer.hpp>
#include <tidings/impl/bearer.hpp>
#include <tidings/text/impl/take_token.hpp>
#include <tidings/topic.hpp>

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace tidings {

owned_credentials::owned_credentials(const credentials& c)
    : authorization(c.authorization),
      cookie(c.cookie),
      query(c.query),
      origin(c.origin),
      remote_address(c.remote_address),
      loopback(c.loopback) {}

credentials owned_credentials::view() const noexcept {
    return {.authorization = authorization,
            .cookie = cookie,
            .query = query,
            .origin = origin,
            .remote_address = remote_address,
            .loopback = loopback};
}

principal authenticator::operator()(const credentials& c, error_code& ec) const {
    ec = {};
    if (plain_) return plain_(c, ec);
    ec = errc::undecided;
    return {};
}

void authenticator::ask(owned_credentials c, decision_handler<principal> done) const {
    if (later_) return later_(std::move(c), std::move(done));
    error_code ec;
    auto who = (*this)(c.view(), ec);
    done(ec, std::move(who));
}

permission authorizer::operator()(const principal& who, action what, std::string_view topic) const {
    return plain_ ? plain_(who, what, topic) : permission();
}

void authorizer::ask(principal who, action what, std::string topic,
                     decision_handler<permission> done) const {
    if (later_) return later_(std::move(who), what, std::move(topic), std::move(done));
    done(plain_ ? error_code() : make_error_code(errc::undecided), (*this)(who, what, topic));
}

authenticator bearer_token(std::string token, std::string name) {
    if (token.empty()) throw std::invalid_argument("bearer_token: the token is empty");
    return [token = std::move(token), name = std::move(name)](const credentials& c,
                                                              error_code& ec) -> principal {
        ec = {};
        if (detail::bears_token(c.authorization, token)) return {.name = name, .anonymous = false};
        ec = errc::unauthorized;
        return principal{};
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

namespace {

bool is_granted(const principal& p, action a) {
    const std::string_view wanted = a == action::publish ? "publish" : "manage";
    return std::find(p.grants.begin(), p.grants.end(), wanted) != p.grants.end();
}

// The pattern with a token in each place of `{}`; nothing when there is none.
std::optional<std::string> insert_token(std::string_view pattern, std::string_view token) {
    std::optional<std::string> out;
    std::string all;
    while (!pattern.empty()) {
        const auto part = detail::take_token(pattern);
        all += all.empty() ? "" : ".";
        all += part == "{}" ? token : part;
        if (part == "{}") out.emplace();
    }
    if (out) *out = std::move(all);
    return out;
}

}  // namespace

authorizer subscribe_only() {
    return [](const principal& p, action a, std::string_view topic) {
        if (a == action::subscribe && is_library_topic(topic)) a = action::manage;
        return a == action::subscribe || is_granted(p, a);
    };
}

authorizer per_principal(std::string pattern) {
    const auto example = insert_token(pattern, "x");
    if (check_pattern(pattern) || !example || example->find_first_of("{}") != std::string::npos)
        throw std::invalid_argument("tidings::per_principal: not a pattern with {} as a token: \"" +
                                    pattern + '"');
    return [pattern = std::move(pattern)](const principal& p, action a, std::string_view asked) {
        if (p.anonymous || p.name.empty()) return false;
        if (a != action::subscribe && !is_granted(p, a)) return false;
        return a == action::manage ||
               pattern_covers(*insert_token(pattern, topic_token(p.name)), asked);
    };
}

authorizer allow_all() {
    return [](const principal&, action, std::string_view) { return true; };
}

}  // namespace tidings
