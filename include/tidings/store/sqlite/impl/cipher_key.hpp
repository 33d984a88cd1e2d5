// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/crypto/impl/aes_gcm.hpp>

#include <cstdint>

namespace tidings::sqlite::detail {

/// A key of a `secret_cipher`, and what it is called in the file.
struct cipher_key {
    std::int64_t name;
    tidings::detail::aes_gcm_key aes;
};

}  // namespace tidings::sqlite::detail
