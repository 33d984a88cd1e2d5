// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/hmac.hpp>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <new>
#include <string>

namespace tidings::detail {

namespace {

const unsigned char* mac_octets(std::string_view bytes) noexcept {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

std::string name_of(digest function) {
    switch (function) {
        case digest::sha1:
            return OSSL_DIGEST_NAME_SHA1;
        case digest::sha384:
            return OSSL_DIGEST_NAME_SHA2_384;
        case digest::sha512:
            return OSSL_DIGEST_NAME_SHA2_512;
        default:
            return OSSL_DIGEST_NAME_SHA2_256;
    }
}

}  // namespace

hmac::hmac(digest function, std::string_view key) {
    EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr);
    if (algorithm != nullptr) context_.reset(EVP_MAC_CTX_new(algorithm));
    EVP_MAC_free(algorithm);
    if (!context_) throw std::bad_alloc();

    std::string name = name_of(function);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), 0),
        OSSL_PARAM_construct_end(),
    };
    // To OpenSSL a null pointer means "no key", which is not the same as an empty one.
    if (key.data() == nullptr) key = "";
    if (EVP_MAC_init(context_.get(), mac_octets(key), key.size(), params) != 1)
        throw std::bad_alloc();
}

bool hmac::compute(std::span<const std::string_view> pieces, mac& out) noexcept {
    // Without a key: starts again with the one it has.
    if (EVP_MAC_init(context_.get(), nullptr, 0, nullptr) != 1) return false;
    for (const std::string_view piece : pieces)
        if (EVP_MAC_update(context_.get(), mac_octets(piece), piece.size()) != 1) return false;
    return EVP_MAC_final(context_.get(), reinterpret_cast<unsigned char*>(out.bytes_.data()),
                         &out.size_, out.bytes_.size()) == 1;
}

hmac::mac hmac::sign(std::span<const std::string_view> pieces) {
    mac out;
    if (!compute(pieces, out)) throw std::bad_alloc();
    return out;
}

bool hmac::verify(std::span<const std::string_view> pieces,
                  std::span<const std::byte> expected) noexcept {
    mac actual;
    return compute(pieces, actual) && expected.size() == actual.size_ &&
           CRYPTO_memcmp(expected.data(), actual.bytes_.data(), actual.size_) == 0;
}

void hmac::free_context::operator()(evp_mac_ctx_st* context) const noexcept {
    EVP_MAC_CTX_free(context);
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace tidings::detail
