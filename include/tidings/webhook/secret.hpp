// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <iosfwd>
#include <string>
#include <string_view>

namespace tidings::webhook {

/// A symmetric signing secret of Standard Webhooks 1.0.0: 24 to 75 random bytes. It can be neither
/// printed nor read back, and its memory is wiped.
class secret {
 public:
    /// No secret; signers and verifiers refuse it.
    secret() = default;

    /// Reads `whsec_` and the bytes in base64 (standard alphabet, padded); the prefix may be
    /// missing. Keys of the asymmetric scheme (`whsk_`, `whpk_`) are refused.
    /// @throws std::invalid_argument, with the reason in its text.
    TIDINGS_DECL explicit secret(std::string_view text);

    /// The same without exceptions. @error errc::webhook_invalid_secret, and the result is empty.
    TIDINGS_DECL static secret parse(std::string_view text, error_code& ec);

    secret(const secret&) = default;
    secret(secret&&) noexcept = default;
    secret& operator=(secret other) noexcept {
        key_.swap(other.key_);
        return *this;
    }
    TIDINGS_DECL ~secret();

    bool empty() const noexcept { return key_.empty(); }

    friend std::ostream& operator<<(std::ostream&, const secret&) = delete;

 private:
    friend class standard_key;

    std::string key_ = {};
};

}  // namespace tidings::webhook
