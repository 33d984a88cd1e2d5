// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace tidings::webhook {

/// The public half of a key of Standard Webhooks' asymmetric scheme (`v1a`, Ed25519 by RFC 8032):
/// it verifies, and cannot sign.
class public_key {
 public:
    /// No key; verifiers refuse it.
    public_key() = default;
    /// Reads `whpk_` and 32 bytes in base64 (standard alphabet, padded).
    /// @throws std::invalid_argument, with the reason in its text.
    TIDINGS_DECL explicit public_key(std::string_view text);
    /// The same without exceptions. @error errc::webhook_invalid_secret, and the result is empty.
    TIDINGS_DECL static public_key parse(std::string_view text, error_code& ec);

    bool empty() const noexcept { return point_.empty(); }
    /// As it is read: `whpk_...`; nothing of no key.
    TIDINGS_DECL std::string text() const;

    friend bool operator==(const public_key&, const public_key&) = default;

 private:
    friend class private_key;
    friend class standard_key;

    std::string point_ = {};
};

}  // namespace tidings::webhook
