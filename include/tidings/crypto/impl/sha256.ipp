// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/sha256.hpp>
#include <tidings/text/impl/hex.hpp>

#include <openssl/sha.h>

#include <new>

namespace tidings::detail {

std::string sha256_hex(std::string_view bytes) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    if (SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest) ==
        nullptr)
        throw std::bad_alloc();
    return hex_encode({reinterpret_cast<const char*>(digest), sizeof digest});
}

}  // namespace tidings::detail
