// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/ed25519.hpp>
#include <tidings/crypto/impl/hmac.hpp>
#include <tidings/webhook/standard_key.hpp>

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tidings::detail {

/// The keys of a signer or verifier, ready for use. Safe from any thread.
class standard_keys {
 public:
    using time_point = webhook::standard_key::time_point;

    /// @throws std::invalid_argument for an empty list or an empty key
    explicit standard_keys(const std::vector<webhook::standard_key>& keys);

    /// Whether there is one that cannot sign.
    bool has_public_key() const noexcept;
    /// One token for each key that has not expired, separated by spaces; empty if there is none.
    /// @throws std::bad_alloc
    void sign(std::string_view id, std::string_view timestamp, std::string_view body,
              time_point now, std::string& tokens);
    /// Whether any token fits any key. @throws std::bad_alloc
    bool fits(std::string_view tokens, std::string_view id, std::string_view timestamp,
              std::string_view body, time_point now);

 private:
    struct live_key {
        std::variant<hmac, ed25519_key> key;
        time_point expires;
        bool can_sign;

        bool lives(time_point now) const noexcept {
            return expires == webhook::standard_key::never || now < expires;
        }
    };

    // A context of HMAC serves one thread at a time, and a receiver serves on several lanes.
    std::mutex mutex_;
    std::vector<live_key> keys_;
};

}  // namespace tidings::detail
