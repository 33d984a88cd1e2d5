// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <string_view>

namespace tidings {

/// Whether a media type is JSON by CloudEvents JSON format 3.1: `*/json` or `*/*+json`.
TIDINGS_DECL bool is_json_media_type(std::string_view content_type) noexcept;

}  // namespace tidings
