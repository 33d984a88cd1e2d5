// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/aes_gcm.hpp>
#include <tidings/crypto/impl/wipe.hpp>

#include <openssl/err.h>
#include <openssl/evp.h>

#include <memory>
#include <new>

namespace tidings::detail {

namespace {

const unsigned char* gcm_octets(std::string_view bytes) noexcept {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

unsigned char* gcm_room(std::string& bytes) noexcept {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

struct free_cipher_context {
    void operator()(EVP_CIPHER_CTX* c) const noexcept { EVP_CIPHER_CTX_free(c); }
};
using cipher_context = std::unique_ptr<EVP_CIPHER_CTX, free_cipher_context>;

/// With the nonce and what stands beside the text. @throws std::bad_alloc
cipher_context begin_gcm(const std::string& key, std::string_view nonce, std::string_view beside,
                         bool encrypts) {
    cipher_context c(EVP_CIPHER_CTX_new());
    int size = 0;
    // The length of the nonce is the mode's default.
    const bool begun = c && nonce.size() == aes_gcm_key::nonce_bytes &&
                       key.size() == aes_gcm_key::key_bytes &&
                       EVP_CipherInit_ex2(c.get(), EVP_aes_256_gcm(), gcm_octets(key),
                                          gcm_octets(nonce), encrypts ? 1 : 0, nullptr) == 1 &&
                       EVP_CipherUpdate(c.get(), nullptr, &size, gcm_octets(beside),
                                        static_cast<int>(beside.size())) == 1;
    if (!begun) throw std::bad_alloc();
    return c;
}

}  // namespace

aes_gcm_key::~aes_gcm_key() {
    wipe(key_);
}

std::string aes_gcm_key::seal(std::string_view nonce, std::string_view beside,
                              std::string_view plain) const {
    const auto c = begin_gcm(key_, nonce, beside, true);
    std::string sealed(plain.size() + tag_bytes, '\0');
    auto* const out = gcm_room(sealed);
    int size = 0;
    const bool done = EVP_CipherUpdate(c.get(), out, &size, gcm_octets(plain),
                                       static_cast<int>(plain.size())) == 1 &&
                      EVP_CipherFinal_ex(c.get(), out + size, &size) == 1 &&
                      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_AEAD_GET_TAG,
                                          static_cast<int>(tag_bytes), out + plain.size()) == 1;
    if (!done) throw std::bad_alloc();
    return sealed;
}

std::optional<std::string> aes_gcm_key::open(std::string_view nonce, std::string_view beside,
                                             std::string_view sealed) const {
    if (sealed.size() < tag_bytes || nonce.size() != nonce_bytes) return std::nullopt;
    const auto text = sealed.substr(0, sealed.size() - tag_bytes);
    std::string tag(sealed.substr(text.size()));
    const auto c = begin_gcm(key_, nonce, beside, false);
    std::string plain(text.size(), '\0');
    int size = 0;
    const bool fits = EVP_CipherUpdate(c.get(), gcm_room(plain), &size, gcm_octets(text),
                                       static_cast<int>(text.size())) == 1 &&
                      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_AEAD_SET_TAG,
                                          static_cast<int>(tag_bytes), tag.data()) == 1 &&
                      EVP_CipherFinal_ex(c.get(), gcm_room(plain) + size, &size) == 1;
    if (fits) return plain;
    wipe(plain);
    ERR_clear_error();  // a later use of TLS by this thread would take it for its own
    return std::nullopt;
}

}  // namespace tidings::detail
