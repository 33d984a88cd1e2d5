// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/hmac.hpp>
#include <tidings/crypto/impl/wipe.hpp>
#include <tidings/store/sqlite/impl/cipher_key.hpp>
#include <tidings/store/sqlite/secret_cipher.hpp>
#include <tidings/text/impl/base64.hpp>

#include <boost/system/system_error.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <span>
#include <stdexcept>

namespace tidings::sqlite {

namespace {

using tidings::detail::aes_gcm_key;

std::string random_bytes(std::size_t count, io::random& random) {
    std::string bytes(count, '\0');
    random.fill(std::as_writable_bytes(std::span(bytes)));
    return bytes;
}

std::int64_t name_of(std::string_view key) {
    tidings::detail::hmac named(tidings::digest::sha256, key);
    const auto mac = named.sign({"tidings::sqlite::secret_cipher"});
    std::int64_t name = 0;
    for (std::size_t i = 0; i < sizeof name; ++i)
        name = name << 8 | static_cast<unsigned char>(mac.bytes()[i]);
    return name;
}

}  // namespace

secret_cipher::secret_cipher(const std::vector<std::string>& keys) {
    for (const auto& text : keys) {
        auto bytes = tidings::detail::base64_decode(text);
        if (!bytes || bytes->size() != aes_gcm_key::key_bytes)
            throw std::invalid_argument(
                "tidings::sqlite::secret_cipher: a key is 32 bytes in base64");
        const auto name = name_of(*bytes);
        keys_.push_back({name, aes_gcm_key(*std::move(bytes))});
    }
    if (keys_.empty()) throw std::invalid_argument("tidings::sqlite::secret_cipher: no key");
}

secret_cipher::~secret_cipher() = default;

std::shared_ptr<const secret_cipher> secret_cipher::from_file(const std::string& path) {
    std::ifstream file(path);
    std::vector<std::string> keys;
    for (std::string line; std::getline(file, line);) {
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
        if (!line.empty() && line.front() != '#') keys.push_back(std::move(line));
    }
    if (!file.eof())
        throw boost::system::system_error(
            boost::system::error_code(errno, boost::system::system_category()), path);
    auto made = std::make_shared<const secret_cipher>(keys);
    for (auto& key : keys) tidings::detail::wipe(key);
    return made;
}

std::string secret_cipher::make_key(io::random& random) {
    auto bytes = random_bytes(aes_gcm_key::key_bytes, random);
    auto text = tidings::detail::base64_encode(bytes);
    tidings::detail::wipe(bytes);
    return text;
}

std::int64_t secret_cipher::sealing_key() const noexcept {
    return keys_.front().name;
}

const detail::cipher_key* secret_cipher::find(std::int64_t key) const noexcept {
    for (const auto& known : keys_)
        if (known.name == key) return &known;
    return nullptr;
}

bool secret_cipher::has(std::int64_t key) const noexcept {
    return find(key) != nullptr;
}

// The nonce stands before the text.
std::string secret_cipher::seal(std::string_view place, std::string_view value) const {
    auto sealed = random_bytes(aes_gcm_key::nonce_bytes, io::system_random());
    return sealed + keys_.front().aes.seal(sealed, place, value);
}

std::optional<std::string> secret_cipher::open(std::int64_t key, std::string_view place,
                                               std::string_view sealed) const {
    const auto* const with = find(key);
    if (with == nullptr || sealed.size() < aes_gcm_key::nonce_bytes) return std::nullopt;
    return with->aes.open(sealed.substr(0, aes_gcm_key::nonce_bytes), place,
                          sealed.substr(aes_gcm_key::nonce_bytes));
}

}  // namespace tidings::sqlite
