// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/wipe.hpp>

#include <openssl/crypto.h>

namespace tidings::detail {

void wipe(std::string& secret) noexcept {
    OPENSSL_cleanse(secret.data(), secret.size());
}

}  // namespace tidings::detail
