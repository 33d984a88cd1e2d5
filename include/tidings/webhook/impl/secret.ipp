// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/wipe.hpp>
#include <tidings/text/impl/base64.hpp>
#include <tidings/webhook/secret.hpp>

#include <stdexcept>
#include <utility>

namespace tidings::webhook {

secret::secret(std::string_view text) {
    error_code ec;
    *this = parse(text, ec);
    if (ec) throw std::invalid_argument("tidings::webhook::secret: " + ec.message());
}

secret secret::parse(std::string_view text, error_code& ec) {
    ec = {};
    secret result;
    if (text.starts_with("whsec_")) text.remove_prefix(6);
    auto key = tidings::detail::base64_decode(text);
    if (key) result.key_ = *std::move(key);
    if (result.key_.size() >= 24 && result.key_.size() <= 75) return result;
    ec = errc::webhook_invalid_secret;
    return {};
}

secret::~secret() {
    tidings::detail::wipe(key_);
}

}  // namespace tidings::webhook
