// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <string_view>

namespace tidings::detail {

/// The token of `Authorization: Bearer <token>` (RFC 6750 2.1), empty if it is something else. The
/// scheme's case does not matter (RFC 9110 11.1).
TIDINGS_DECL std::string_view bearer_credentials(std::string_view authorization) noexcept;

/// Whether these credentials are that token, compared in a time that depends on the lengths only.
/// An empty token is in none.
TIDINGS_DECL bool bears_token(std::string_view authorization, std::string_view token) noexcept;

}  // namespace tidings::detail
