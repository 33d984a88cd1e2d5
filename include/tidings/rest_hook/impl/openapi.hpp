// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <string>
#include <string_view>

namespace tidings::rest_hook::detail {

/// The API as OpenAPI 3.1 (JSON), below the path of its collection.
TIDINGS_DECL std::string openapi_document(std::string_view collection);

}  // namespace tidings::rest_hook::detail
