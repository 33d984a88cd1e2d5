// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/wipe.hpp>
#include <tidings/webhook/standard_key.hpp>

#include <utility>

namespace tidings::webhook {

standard_key standard_key::parse(std::string_view text, error_code& ec, time_point expires) {
    if (text.starts_with("whsk_")) return {private_key::parse(text, ec), expires};
    if (text.starts_with("whpk_")) return {public_key::parse(text, ec), expires};
    return {secret::parse(text, ec), expires};
}

standard_key& standard_key::operator=(standard_key other) noexcept {
    bytes_.swap(other.bytes_);
    expires_ = other.expires_;
    kind_ = other.kind_;
    return *this;
}

standard_key::~standard_key() {
    tidings::detail::wipe(bytes_);
}

}  // namespace tidings::webhook
