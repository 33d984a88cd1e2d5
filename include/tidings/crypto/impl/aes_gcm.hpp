// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tidings::detail {

/// A key of AES-256 in Galois/counter mode (NIST SP 800-38D), which is wiped when the object goes.
/// Safe from any thread.
class aes_gcm_key {
 public:
    static constexpr std::size_t key_bytes = 32, nonce_bytes = 12, tag_bytes = 16;

    /// `key_bytes` of them.
    explicit aes_gcm_key(std::string key) noexcept : key_(std::move(key)) {}
    aes_gcm_key(aes_gcm_key&&) = default;
    aes_gcm_key& operator=(aes_gcm_key&&) = delete;
    TIDINGS_DECL ~aes_gcm_key();

    /// The text encrypted, with the tag behind it. A nonce is used once with a key; one that is
    /// made at random, for 2^32 texts (8.3). `beside` is not encrypted, and must be the same when
    /// it is opened. @throws std::bad_alloc
    TIDINGS_DECL std::string seal(std::string_view nonce, std::string_view beside,
                                  std::string_view plain) const;
    /// The text; nothing where the key, the nonce or `beside` is another, or a byte was changed.
    /// @throws std::bad_alloc
    TIDINGS_DECL std::optional<std::string> open(std::string_view nonce, std::string_view beside,
                                                 std::string_view sealed) const;

 private:
    std::string key_;
};

}  // namespace tidings::detail
