// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/sha256.hpp>
#include <tidings/text/impl/hex.hpp>

#include <openssl/evp.h>

#include <memory>
#include <new>

namespace tidings::detail {

namespace {

struct end_digest {
    void operator()(EVP_MD_CTX* c) const noexcept { EVP_MD_CTX_free(c); }
};

template <class T>
T* found(T* made) {
    if (made == nullptr) throw std::bad_alloc();
    return made;
}

// Fetched once: a search of the providers' tables costs as much as a short digest.
const EVP_MD* sha256_algorithm() {
    static const EVP_MD* const fetched = found(EVP_MD_fetch(nullptr, "SHA256", nullptr));
    return fetched;
}

}  // namespace

std::string sha256_hex(std::string_view bytes) {
    thread_local const std::unique_ptr<EVP_MD_CTX, end_digest> context(found(EVP_MD_CTX_new()));
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (EVP_DigestInit_ex(context.get(), sha256_algorithm(), nullptr) != 1 ||
        EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) != 1 ||
        EVP_DigestFinal_ex(context.get(), digest, &size) != 1)
        throw std::bad_alloc();
    return hex_encode({reinterpret_cast<const char*>(digest), size});
}

}  // namespace tidings::detail
