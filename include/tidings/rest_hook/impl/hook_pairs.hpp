// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_body.hpp>
#include <tidings/rest_hook/impl/hook_record.hpp>

#include <string_view>

namespace tidings::rest_hook::detail {

// What a subscription may hold, whatever the size of a body.
inline constexpr std::size_t max_headers = 20;
inline constexpr std::size_t max_header_bytes = 4096;  ///< names and values together
inline constexpr std::size_t max_metadata = 50;
inline constexpr std::size_t max_metadata_name_bytes = 40;
inline constexpr std::size_t max_metadata_value_bytes = 500;

/// Puts the members of a JSON object (each text, or null, which removes) into a list. `name` is
/// the member that holds the object.
TIDINGS_DECL refusal merge_metadata(std::string_view name, std::string_view raw, text_pairs& into);
/// The same of fields; a value that is `hidden_value` is that of `before`, which may be null.
TIDINGS_DECL refusal merge_headers(std::string_view name, std::string_view raw,
                                   const text_pairs* before, text_pairs& into);

}  // namespace tidings::rest_hook::detail
