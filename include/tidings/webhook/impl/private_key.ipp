// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/ed25519.hpp>
#include <tidings/crypto/impl/wipe.hpp>
#include <tidings/text/impl/base64.hpp>
#include <tidings/webhook/private_key.hpp>

#include <array>
#include <span>
#include <stdexcept>

namespace tidings::webhook {

using tidings::detail::ed25519_key;

private_key::private_key(std::string_view text) {
    error_code ec;
    *this = parse(text, ec);
    if (ec) throw std::invalid_argument("tidings::webhook::private_key: " + ec.message());
}

private_key private_key::parse(std::string_view text, error_code& ec) {
    ec = errc::webhook_invalid_secret;
    private_key result;
    if (!text.starts_with("whsk_")) return result;
    auto bytes = tidings::detail::base64_decode(text.substr(5)).value_or(std::string());
    if (bytes.size() == 2 * ed25519_key::key_bytes) {
        const auto seed = std::string_view(bytes).substr(0, ed25519_key::key_bytes);
        const auto point = std::string_view(bytes).substr(ed25519_key::key_bytes);
        // A key whose halves do not belong together signs what its receivers cannot verify.
        if (ed25519_key::from_seed(seed).public_bytes() == point) {
            result.seed_ = seed;
            result.public_.point_ = point;
            ec = {};
        }
    }
    tidings::detail::wipe(bytes);
    return result;
}

std::string private_key::make(io::random& random) {
    std::array<char, ed25519_key::key_bytes> seed{};
    random.fill(std::as_writable_bytes(std::span(seed)));
    std::string bytes(seed.data(), seed.size());
    bytes += ed25519_key::from_seed(bytes).public_bytes();
    std::string text = "whsk_" + tidings::detail::base64_encode(bytes);
    tidings::detail::wipe(bytes);
    return text;
}

private_key::~private_key() {
    tidings::detail::wipe(seed_);
}

}  // namespace tidings::webhook
