// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

namespace tidings {

/// A hash function of a message authentication code (FIPS 180-4). SHA-1 is there for the schemes
/// that name it: under HMAC it still authenticates, and for nothing else is it used.
enum class digest { sha1, sha256, sha384, sha512 };

}  // namespace tidings
