// SPDX-License-Identifier: BSL-1.0
#include "support/catch2.hpp"

#include <tidings/crypto/impl/aes_gcm.hpp>
#include <tidings/text/impl/hex.hpp>

namespace tidings::detail {

namespace {

std::string bytes(std::string_view hex) {
    return hex_decode(hex).value();
}

// McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B.
TEST_CASE("the cases 13 and 16 of the paper on GCM are reproduced", "[crypto]") {
    const aes_gcm_key zero(std::string(32, '\0'));
    CHECK(hex_encode(zero.seal(std::string(12, '\0'), "", "")) ==
          "530f8afbc74536b9a963b4f1c4cb738b");
    const aes_gcm_key key(
        bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
    const auto nonce = bytes("cafebabefacedbaddecaf888");
    const auto beside = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    const auto plain = bytes(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449"
        "a6b525b16aedf5aa0de657ba637b39");
    const auto sealed = key.seal(nonce, beside, plain);
    CHECK(
        hex_encode(sealed) ==
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056"
        "828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b");
    CHECK(key.open(nonce, beside, sealed) == plain);
}

TEST_CASE("what was sealed opens as it was or not at all", "[crypto]") {
    const aes_gcm_key key(std::string(32, 'k'));
    const std::string nonce(12, 'n');
    const auto sealed = key.seal(nonce, "place", "secret");
    CHECK(key.open(nonce, "place", sealed) == "secret");
    CHECK(key.open(nonce, "place", key.seal(nonce, "place", "")) == "");
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        auto changed = sealed;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        CHECK_FALSE(key.open(nonce, "place", changed));
        CHECK_FALSE(key.open(nonce, "place", sealed.substr(0, i)));
    }
    CHECK_FALSE(key.open(nonce, "other", sealed));
    CHECK_FALSE(key.open(std::string(12, 'm'), "place", sealed));
    CHECK_FALSE(key.open("short", "place", sealed));
    CHECK_FALSE(aes_gcm_key(std::string(32, 'l')).open(nonce, "place", sealed));
}

}  // namespace

}  // namespace tidings::detail
