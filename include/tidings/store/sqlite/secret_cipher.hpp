// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>
#include <tidings/io/random.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::sqlite {

namespace detail {
struct cipher_key;
}

/// Seals what a file keeps of secrets: the values of its tables, in which REST hooks stand, with
/// their secrets and URLs. By AES-256-GCM, with the place of a value as what stands beside it, so
/// that none can be put elsewhere. The first key seals; each of them opens. Immutable, and so safe
/// from any thread. A key seals 2^32 values (NIST SP 800-38D, 8.3).
class secret_cipher {
 public:
    /// Keys by `make_key`. @throws std::invalid_argument for no key and for a text that is none
    TIDINGS_DECL explicit secret_cipher(const std::vector<std::string>& keys);
    TIDINGS_DECL ~secret_cipher();
    secret_cipher(const secret_cipher&) = delete;
    secret_cipher& operator=(const secret_cipher&) = delete;

    /// The keys of a file, one a line; empty lines, and those that begin with '#', are passed over.
    /// @throws std::invalid_argument as above, boost::system::system_error where the file cannot be
    /// read
    TIDINGS_DECL static std::shared_ptr<const secret_cipher> from_file(const std::string& path);
    /// A key that is new: 32 bytes in base64. `openssl rand -base64 32` makes the same.
    TIDINGS_DECL static std::string make_key(io::random& random = io::system_random());

    // For library code.
    /// Names the key that seals; it is not the key, nor does it tell anything about it.
    TIDINGS_DECL std::int64_t sealing_key() const noexcept;
    TIDINGS_DECL bool has(std::int64_t key) const noexcept;
    /// @throws std::bad_alloc
    TIDINGS_DECL std::string seal(std::string_view place, std::string_view value) const;
    /// Nothing where it was sealed for another place, by a key that is not here, or was changed.
    /// @throws std::bad_alloc
    TIDINGS_DECL std::optional<std::string> open(std::int64_t key, std::string_view place,
                                                 std::string_view sealed) const;

 private:
    const detail::cipher_key* find(std::int64_t key) const noexcept;
    std::vector<detail::cipher_key> keys_;
};

}  // namespace tidings::sqlite
