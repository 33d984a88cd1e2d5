// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/random.hpp>
#include <tidings/webhook/public_key.hpp>

#include <iosfwd>
#include <string>
#include <string_view>

namespace tidings::webhook {

/// A signing key of Standard Webhooks' asymmetric scheme (`v1a`, Ed25519 by RFC 8032 5.1, no
/// pre-hash). Its text is a secret; what verifies is its `public_key`. It cannot be printed, and
/// its memory is wiped.
class private_key {
 public:
    /// No key; signers refuse it.
    private_key() = default;
    /// Reads `whsk_` and 64 bytes in base64 (standard alphabet, padded): the seed and its public
    /// key.
    /// @throws std::invalid_argument, with the reason in its text.
    TIDINGS_DECL explicit private_key(std::string_view text);
    /// The same without exceptions.
    /// @error errc::webhook_invalid_secret, also where the second half is not the public key of the
    /// first; the result is empty
    TIDINGS_DECL static private_key parse(std::string_view text, error_code& ec);
    /// A new one, as the text that the constructor reads: to be stored.
    TIDINGS_DECL static std::string make(io::random& random = io::system_random());

    private_key(const private_key&) = default;
    private_key(private_key&&) noexcept = default;
    private_key& operator=(private_key other) noexcept {
        seed_.swap(other.seed_);
        public_.point_.swap(other.public_.point_);
        return *this;
    }
    TIDINGS_DECL ~private_key();

    bool empty() const noexcept { return seed_.empty(); }
    /// For receivers.
    const webhook::public_key& public_half() const noexcept { return public_; }

    friend std::ostream& operator<<(std::ostream&, const private_key&) = delete;

 private:
    friend class standard_key;

    std::string seed_ = {};
    webhook::public_key public_ = {};
};

}  // namespace tidings::webhook
