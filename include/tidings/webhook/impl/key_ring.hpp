// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/hmac.hpp>

#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::detail {

/// Secrets of one hash function, each with its keyed context. A context serves one thread at a
/// time and a receiver serves on several lanes, hence the lock. Safe from any thread.
class key_ring {
 public:
    /// @throws std::invalid_argument for an empty list or an empty secret
    key_ring(digest function, const std::vector<std::string>& secrets);

    std::size_t size() const noexcept { return keys_.size(); }
    /// By the secret of that number. @throws std::bad_alloc
    hmac::mac sign(std::size_t i, std::span<const std::string_view> pieces);
    /// Whether any of the codes is that of any secret. One MAC is made for each secret, however
    /// many codes a stranger sends. @throws std::bad_alloc
    bool any_fits(std::span<const std::string_view> pieces, const std::vector<std::string>& codes);

 private:
    std::mutex mutex_;
    std::vector<hmac> keys_;
};

}  // namespace tidings::detail
