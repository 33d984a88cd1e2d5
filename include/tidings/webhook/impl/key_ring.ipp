// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/webhook/impl/key_ring.hpp>

#include <algorithm>
#include <stdexcept>

namespace tidings::detail {

key_ring::key_ring(digest function, const std::vector<std::string>& secrets) {
    if (secrets.empty()) throw std::invalid_argument("tidings::webhook: no secret is given");
    for (const auto& each : secrets) {
        if (each.empty()) throw std::invalid_argument("tidings::webhook: a secret is empty");
        keys_.emplace_back(function, each);
    }
}

hmac::mac key_ring::sign(std::size_t i, std::span<const std::string_view> pieces) {
    const std::lock_guard lock(mutex_);
    return keys_[i].sign(pieces);
}

bool key_ring::any_fits(std::span<const std::string_view> pieces,
                        const std::vector<std::string>& codes) {
    if (codes.empty()) return false;
    const std::lock_guard lock(mutex_);
    return std::any_of(keys_.begin(), keys_.end(), [&](hmac& key) {
        const auto expected = key.sign(pieces);
        return std::any_of(codes.begin(), codes.end(), [&](const std::string& code) {
            return equal_in_constant_time(code, expected.bytes());
        });
    });
}

}  // namespace tidings::detail
