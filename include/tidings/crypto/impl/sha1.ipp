// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/sha1.hpp>

#include <openssl/evp.h>

#include <array>

namespace tidings::detail {

std::string sha1(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1)
        return {};
    return {reinterpret_cast<const char*>(digest.data()), size};
}

}  // namespace tidings::detail
