// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace tidings::detail {

/// A key of Ed25519 (RFC 8032 5.1, without a pre-hash): a private one, which signs, or a public
/// one. Copies share it. Safe from any thread.
class ed25519_key {
 public:
    static constexpr std::size_t key_bytes = 32, signature_bytes = 64;

    /// No key.
    ed25519_key() = default;
    /// Of the 32 bytes of RFC 8032 5.1.5, the seed. Empty for any other length.
    /// @throws std::bad_alloc
    TIDINGS_DECL static ed25519_key from_seed(std::string_view seed);
    /// Of the 32 bytes of a point (5.1.2). Empty for any other length.
    /// @throws std::bad_alloc
    TIDINGS_DECL static ed25519_key from_public(std::string_view point);

    explicit operator bool() const noexcept { return key_ != nullptr; }

    /// The public key of either kind, 32 bytes; nothing of no key.
    /// @throws std::bad_alloc
    TIDINGS_DECL std::string public_bytes() const;
    /// 64 bytes. @throws std::bad_alloc, also for a key that is not private
    TIDINGS_DECL std::string sign(std::string_view message) const;
    /// Whether it is the key's signature of that message. False also when memory ran out.
    [[nodiscard]] TIDINGS_DECL bool verify(std::string_view message,
                                           std::string_view signature) const noexcept;

 private:
    explicit ed25519_key(evp_pkey_st* key);

    std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace tidings::detail
