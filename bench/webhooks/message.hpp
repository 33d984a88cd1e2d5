// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// What every sender of this bench sends: a body of 1 KB with a number, signed by Standard Webhooks.
namespace webhooks {

constexpr std::string_view secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
constexpr std::size_t body_bytes = 1024;

inline std::string body(std::size_t number) {
    auto text = std::to_string(number);
    text = R"({"order":)" + std::string(10 - text.size(), ' ') + text + R"(,"note":")";
    return text.append(body_bytes - text.size() - 2, 'x') + "\"}";
}

inline std::optional<std::size_t> number_of(std::string_view body) {
    constexpr std::string_view before = R"({"order":)";
    if (body.size() != body_bytes || !body.starts_with(before)) return std::nullopt;
    const auto digit = body.find_first_not_of(' ', before.size());
    std::size_t number = 0;
    const auto [end, ec] = std::from_chars(body.data() + digit, body.data() + body.size(), number);
    return ec == std::errc{} && *end == ',' ? std::optional{number} : std::nullopt;
}

/// Signs with a context that is keyed once.
class signer {
 public:
    signer() {
        std::array<unsigned char, 64> key{};
        const auto text = secret.substr(6);
        EVP_DecodeBlock(key.data(), reinterpret_cast<const unsigned char*>(text.data()),
                        static_cast<int>(text.size()));
        mac_ = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
        context_ = EVP_MAC_CTX_new(mac_);
        char digest[] = "SHA256";
        const std::array<OSSL_PARAM, 2> parameters{
            OSSL_PARAM_construct_utf8_string("digest", digest, 0), OSSL_PARAM_construct_end()};
        EVP_MAC_init(context_, key.data(), text.size() / 4 * 3, parameters.data());
    }
    signer(const signer&) = delete;
    signer& operator=(const signer&) = delete;
    ~signer() {
        EVP_MAC_CTX_free(context_);
        EVP_MAC_free(mac_);
    }

    /// `v1,` and the signature in base64.
    std::string sign(std::string_view id, std::string_view time, std::string_view body) {
        EVP_MAC_init(context_, nullptr, 0, nullptr);
        for (const auto part : {id, std::string_view{"."}, time, std::string_view{"."}, body})
            EVP_MAC_update(context_, reinterpret_cast<const unsigned char*>(part.data()),
                           part.size());
        std::array<unsigned char, 32> mac{};
        std::size_t size = 0;
        EVP_MAC_final(context_, mac.data(), &size, mac.size());
        std::array<unsigned char, 45> text{};
        EVP_EncodeBlock(text.data(), mac.data(), 32);
        return "v1," + std::string{text.begin(), text.begin() + 44};
    }

 private:
    EVP_MAC* mac_ = nullptr;
    EVP_MAC_CTX* context_ = nullptr;
};

}  // namespace webhooks
