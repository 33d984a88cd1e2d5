// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/ed25519.hpp>

#include <openssl/err.h>
#include <openssl/evp.h>

#include <new>

namespace tidings::detail {

namespace {

const unsigned char* key_octets(std::string_view bytes) noexcept {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

struct free_md_context {
    void operator()(EVP_MD_CTX* c) const noexcept { EVP_MD_CTX_free(c); }
};
using md_context = std::unique_ptr<EVP_MD_CTX, free_md_context>;

}  // namespace

ed25519_key::ed25519_key(evp_pkey_st* key) : key_(key, &EVP_PKEY_free) {
    if (key == nullptr) throw std::bad_alloc();
}

ed25519_key ed25519_key::from_seed(std::string_view seed) {
    if (seed.size() != key_bytes) return {};
    return ed25519_key(
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, key_octets(seed), seed.size()));
}

ed25519_key ed25519_key::from_public(std::string_view point) {
    if (point.size() != key_bytes) return {};
    return ed25519_key(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key_octets(point), point.size()));
}

std::string ed25519_key::public_bytes() const {
    std::string bytes(key_ ? key_bytes : 0, '\0');
    std::size_t size = bytes.size();
    if (key_ && EVP_PKEY_get_raw_public_key(
                    key_.get(), reinterpret_cast<unsigned char*>(bytes.data()), &size) != 1)
        throw std::bad_alloc();
    return bytes;
}

std::string ed25519_key::sign(std::string_view message) const {
    const md_context context(EVP_MD_CTX_new());
    std::string signature(signature_bytes, '\0');
    std::size_t size = signature.size();
    if (!context || !key_ ||
        EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1 ||
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       key_octets(message), message.size()) != 1)
        throw std::bad_alloc();
    return signature;
}

bool ed25519_key::verify(std::string_view message, std::string_view signature) const noexcept {
    const md_context context(EVP_MD_CTX_new());
    const bool fits =
        context && key_ && signature.size() == signature_bytes &&
        EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
        EVP_DigestVerify(context.get(), key_octets(signature), signature.size(),
                         key_octets(message), message.size()) == 1;
    // A signature that does not fit leaves an entry in the thread's queue of errors, where a
    // later use of TLS by this thread would take it for its own.
    if (!fits) ERR_clear_error();
    return fits;
}

}  // namespace tidings::detail
