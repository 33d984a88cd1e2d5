// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/text/impl/base64.hpp>
#include <tidings/webhook/impl/standard_keys.hpp>

#include <algorithm>
#include <initializer_list>
#include <stdexcept>

namespace tidings::detail {

namespace {

constexpr std::string_view symmetric_version = "v1,", asymmetric_version = "v1a,";
// A verification by Ed25519 costs fifty times a comparison, and a stranger writes the header.
constexpr std::size_t max_asymmetric_tokens = 16;

// Calls `f` with each token until it answers true, and says whether it did.
template <class F>
bool any_token(std::string_view tokens, F f) {
    while (!tokens.empty()) {
        const std::string_view token = tokens.substr(0, tokens.find(' '));
        tokens.remove_prefix(std::min(token.size() + 1, tokens.size()));
        if (f(token)) return true;
    }
    return false;
}

// Base64 writes the same bytes in one way only, so comparing texts is comparing bytes, and a token
// in any other spelling is as malformed as one that is no base64 at all.
bool any_token_is(std::string_view tokens, std::string_view expected) {
    return any_token(
        tokens, [&](std::string_view token) { return equal_in_constant_time(token, expected); });
}

bool any_token_verifies(std::string_view tokens, const ed25519_key& key, std::string_view message) {
    std::size_t tried = 0;
    return any_token(tokens, [&](std::string_view token) {
        if (!token.starts_with(asymmetric_version) || tried++ >= max_asymmetric_tokens)
            return false;
        const auto signature = base64_decode(token.substr(asymmetric_version.size()));
        return signature && key.verify(message, *signature);
    });
}

std::string joined(std::initializer_list<std::string_view> pieces) {
    std::string text;
    for (const auto piece : pieces) text += piece;
    return text;
}

}  // namespace

standard_keys::standard_keys(const std::vector<webhook::standard_key>& keys) {
    using kind = webhook::standard_key::kind;
    if (keys.empty()) throw std::invalid_argument("tidings::webhook: no secret is given");
    for (const auto& each : keys) {
        if (each.empty()) throw std::invalid_argument("tidings::webhook: a secret is empty");
        const bool can_sign = each.kind_ != kind::public_half;
        if (each.kind_ == kind::symmetric)
            keys_.push_back({hmac(digest::sha256, each.bytes_), each.expires_, can_sign});
        else
            keys_.push_back({can_sign ? ed25519_key::from_seed(each.bytes_)
                                      : ed25519_key::from_public(each.bytes_),
                             each.expires_, can_sign});
    }
}

bool standard_keys::has_public_key() const noexcept {
    return std::any_of(keys_.begin(), keys_.end(), [](const auto& k) { return !k.can_sign; });
}

void standard_keys::sign(std::string_view id, std::string_view timestamp, std::string_view body,
                         time_point now, std::string& tokens) {
    tokens.clear();
    const std::lock_guard lock(mutex_);
    for (auto& each : keys_) {
        if (!each.lives(now)) continue;
        if (!tokens.empty()) tokens += ' ';
        if (auto* const key = std::get_if<hmac>(&each.key)) {
            tokens += symmetric_version;
            base64_append(key->sign({id, ".", timestamp, ".", body}).bytes(), tokens);
        } else {
            tokens += asymmetric_version;
            const auto message = joined({id, ".", timestamp, ".", body});
            base64_append(std::get<ed25519_key>(each.key).sign(message), tokens);
        }
    }
}

bool standard_keys::fits(std::string_view tokens, std::string_view id, std::string_view timestamp,
                         std::string_view body, time_point now) {
    std::string expected, message;
    for (auto& each : keys_) {
        if (!each.lives(now)) continue;
        if (auto* const key = std::get_if<hmac>(&each.key)) {
            // One MAC for each secret, however many tokens a stranger sends.
            expected = symmetric_version;
            {
                const std::lock_guard lock(mutex_);
                base64_append(key->sign({id, ".", timestamp, ".", body}).bytes(), expected);
            }
            if (any_token_is(tokens, expected)) return true;
        } else {
            if (message.empty()) message = joined({id, ".", timestamp, ".", body});
            if (any_token_verifies(tokens, std::get<ed25519_key>(each.key), message)) return true;
        }
    }
    return false;
}

}  // namespace tidings::detail
