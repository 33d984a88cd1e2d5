// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <string>
#include <string_view>

namespace tidings::sse::detail {

/// The URL that a `Location` field means (RFC 3986 5.2), `base` being an absolute URL that was
/// connected to. The result is checked where it is parsed.
TIDINGS_DECL std::string resolve_location(std::string_view base, std::string_view location);

}  // namespace tidings::sse::detail
