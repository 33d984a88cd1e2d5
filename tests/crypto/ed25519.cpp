// SPDX-License-Identifier: BSL-1.0
#include <tidings/crypto/impl/ed25519.hpp>
#include <tidings/text/impl/hex.hpp>

#include "support/catch2.hpp"

#include <string>
#include <string_view>

namespace {

using tidings::detail::ed25519_key;
using tidings::detail::hex_encode;

std::string bytes(std::string_view hex) {
    return tidings::detail::hex_decode(hex).value();
}

TEST_CASE("the Ed25519 vectors of RFC 8032 hold", "[detail]") {
    const auto [seed, point, message, signature] =
        GENERATE(table<std::string, std::string, std::string, std::string>(
            {{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
              "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
              "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e"
              "39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
             {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
              "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
              "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f"
              "3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"}}));
    const auto key = ed25519_key::from_seed(bytes(seed));
    CHECK(hex_encode(key.public_bytes()) == point);
    CHECK(hex_encode(key.sign(bytes(message))) == signature);
    const auto verifies = ed25519_key::from_public(bytes(point));
    CHECK(verifies.public_bytes() == bytes(point));
    CHECK(verifies.verify(bytes(message), bytes(signature)));
    CHECK(key.verify(bytes(message), bytes(signature)));
    CHECK_FALSE(verifies.verify(bytes(message) + "x", bytes(signature)));
    for (std::size_t bit = 0; bit < 512; bit += 7) {
        auto wrong = bytes(signature);
        wrong[bit / 8] = static_cast<char>(wrong[bit / 8] ^ (1 << (bit % 8)));
        CHECK_FALSE(verifies.verify(bytes(message), wrong));
    }
    CHECK_FALSE(verifies.verify(bytes(message), bytes(signature).substr(1)));
    CHECK_FALSE(verifies.verify(bytes(message), bytes(signature) + '\0'));
}

TEST_CASE("bytes of another length are no key of Ed25519, and no key verifies nothing",
          "[detail]") {
    for (const auto size : {0U, 31U, 33U, 64U}) {
        CHECK_FALSE(ed25519_key::from_seed(std::string(size, 'k')));
        CHECK_FALSE(ed25519_key::from_public(std::string(size, 'k')));
    }
    CHECK_FALSE(ed25519_key().verify("", std::string(64, '\0')));
    CHECK(ed25519_key().public_bytes().empty());
}

}  // namespace
