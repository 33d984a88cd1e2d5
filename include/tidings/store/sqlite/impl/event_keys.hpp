// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/hmac.hpp>
#include <tidings/io/random.hpp>

#include <array>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

namespace tidings::sqlite::detail {

using event_key = std::array<std::uint64_t, 2>;

/// Names events by 128 bits of an HMAC of source and id, under a key that is made at random and
/// never leaves this object: nobody can make two that are taken for one. The file has the source
/// and the id themselves. Safe from any thread.
class event_keys {
 public:
    event_keys() : hmac_(make()) {}

    /// @throws std::bad_alloc
    event_key of(std::string_view source, std::string_view id) {
        const auto size = std::to_string(source.size()) + ':';
        const std::lock_guard lock(mutex_);
        const auto mac = hmac_.sign({size, source, id});
        event_key key{};
        std::memcpy(key.data(), mac.bytes().data(), sizeof key);
        return key;
    }

 private:
    static tidings::detail::hmac make() {
        std::array<char, 32> secret{};
        io::system_random().fill(std::as_writable_bytes(std::span(secret)));
        return {tidings::digest::sha256, std::string_view(secret.data(), secret.size())};
    }

    std::mutex mutex_;
    tidings::detail::hmac hmac_;
};

}  // namespace tidings::sqlite::detail
