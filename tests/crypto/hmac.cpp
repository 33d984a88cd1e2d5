// SPDX-License-Identifier: BSL-1.0
#include <tidings/crypto/impl/hmac.hpp>
#include <tidings/text/impl/hex.hpp>

#include "support/catch2.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace {

using namespace std::string_view_literals;
using tidings::digest;
using tidings::detail::equal_in_constant_time;
using tidings::detail::hmac;

hmac hmac_sha256(std::string_view key) {
    return {digest::sha256, key};
}

std::string to_hex(const hmac::mac& mac) {
    return tidings::detail::hex_encode(mac.bytes());
}

static_assert(std::is_nothrow_move_constructible_v<hmac>);
static_assert(!std::is_copy_constructible_v<hmac>);

TEST_CASE("a MAC is refused when any of its bits, or its length, is wrong", "[detail]") {
    auto key = hmac_sha256("Jefe");
    const auto right = key.sign({"what do ya want for nothing?"});
    CHECK(key.verify({"what do ya want for nothing?"}, right));
    CHECK(key.verify({"what do ya want ", "for nothing?"}, right));
    CHECK_FALSE(key.verify({"what do ya want for nothing"}, right));
    CHECK_FALSE(key.verify({"what do ya want for nothing?"},
                           std::as_bytes(std::span(right.bytes())).first(31)));
    CHECK_FALSE(key.verify({"what do ya want for nothing?"}, {}));
    CHECK_FALSE(hmac_sha256("jefe").verify({"what do ya want for nothing?"}, right));
    for (std::size_t bit = 0; bit < 256; ++bit) {
        std::string wrong(right.bytes());
        wrong[bit / 8] = static_cast<char>(wrong[bit / 8] ^ (1 << (bit % 8)));
        CHECK_FALSE(key.verify({"what do ya want for nothing?"}, std::as_bytes(std::span(wrong))));
    }
    // A longer one that begins as the right one does.
    const std::string longer = std::string(right.bytes()) + '\0';
    CHECK_FALSE(key.verify({"what do ya want for nothing?"}, std::as_bytes(std::span(longer))));
}

TEST_CASE("the HMAC-SHA256 vectors of RFC 4231 hold", "[detail]") {
    std::string counting;
    for (char c = 1; c <= 25; ++c) counting += c;
    CHECK(to_hex(hmac_sha256(std::string(20, '\x0b')).sign({"Hi There"})) ==
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(to_hex(hmac_sha256("Jefe").sign({"what do ya want for nothing?"})) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(to_hex(hmac_sha256(std::string(20, '\xaa')).sign({std::string(50, '\xdd')})) ==
          "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    CHECK(to_hex(hmac_sha256(counting).sign({std::string(50, '\xcd')})) ==
          "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    CHECK(
        to_hex(hmac_sha256(std::string(20, '\x0c')).sign({"Test With Truncation"})).substr(0, 32) ==
        "a3b6167473100ee06e0c796c2955552b");
    CHECK(to_hex(hmac_sha256(std::string(131, '\xaa'))
                     .sign({"Test Using Larger Than Block-Size Key - Hash Key First"})) ==
          "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    CHECK(to_hex(hmac_sha256(std::string(131, '\xaa'))
                     .sign({"This is a test using a larger than block-size key and a larger than ",
                            "block-size data. The key needs to be hashed before being used by the ",
                            "HMAC algorithm."})) ==
          "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST_CASE("the other hash functions give the codes of RFC 2202 and RFC 4231", "[detail]") {
    const auto code = [](digest function) {
        return to_hex(hmac(function, "Jefe").sign({"what do ya want for nothing?"}));
    };
    CHECK(code(digest::sha1) == "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    CHECK(code(digest::sha384) ==
          "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ec"
          "fab21649");
    CHECK(code(digest::sha512) ==
          "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65"
          "f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
}

TEST_CASE("an empty key and an empty message have a MAC too", "[detail]") {
    constexpr auto expected = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"sv;
    CHECK(to_hex(hmac_sha256("").sign({})) == expected);
    CHECK(to_hex(hmac_sha256(std::string_view()).sign({std::string_view(), ""})) == expected);
}

TEST_CASE("a MAC context is fit for use again after every message", "[detail]") {
    auto key = hmac_sha256("Jefe");
    const auto first = key.sign({"a", "", "bc"});
    CHECK(first == key.sign({"abc"}));
    CHECK(first != key.sign({"abd"}));
    CHECK_FALSE(key.verify({"abd"}, first));
    CHECK(first == key.sign({"ab", "c"}));

    hmac moved = std::move(key);
    CHECK(first == moved.sign({"abc"}));
    moved = hmac_sha256("other");
    CHECK(first != moved.sign({"abc"}));
}

TEST_CASE("texts are equal in constant time when length and bytes are", "[detail]") {
    CHECK(equal_in_constant_time("", std::string_view()));
    CHECK(equal_in_constant_time("abc", "abc"));
    CHECK(equal_in_constant_time("a\0c"sv, "a\0c"sv));
    CHECK_FALSE(equal_in_constant_time("a\0c"sv, "a\0d"sv));
    CHECK_FALSE(equal_in_constant_time("abc", "abd"));
    CHECK_FALSE(equal_in_constant_time("abc", "bbc"));
    CHECK_FALSE(equal_in_constant_time("abc", "ab"));
    CHECK_FALSE(equal_in_constant_time("", "a"));
}

}  // namespace
