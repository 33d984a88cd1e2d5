// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/ed25519.hpp>
#include <tidings/text/impl/base64.hpp>
#include <tidings/webhook/public_key.hpp>

#include <stdexcept>

namespace tidings::webhook {

public_key::public_key(std::string_view text) {
    error_code ec;
    *this = parse(text, ec);
    if (ec) throw std::invalid_argument("tidings::webhook::public_key: " + ec.message());
}

public_key public_key::parse(std::string_view text, error_code& ec) {
    ec = {};
    public_key result;
    if (text.starts_with("whpk_")) {
        auto point = tidings::detail::base64_decode(text.substr(5));
        if (point && point->size() == tidings::detail::ed25519_key::key_bytes)
            result.point_ = *std::move(point);
    }
    if (result.empty()) ec = errc::webhook_invalid_secret;
    return result;
}

std::string public_key::text() const {
    return empty() ? std::string() : "whpk_" + tidings::detail::base64_encode(point_);
}

}  // namespace tidings::webhook
