// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <string>
#include <string_view>

namespace tidings::detail {

/// SHA-256 (FIPS 180-4) in lower-case hexadecimal digits.
/// @throws std::bad_alloc
TIDINGS_DECL std::string sha256_hex(std::string_view bytes);

}  // namespace tidings::detail
