// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_reader.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace tidings::rest_hook::detail {

/// What a request for another secret says.
struct rotation {
    static constexpr std::chrono::seconds longest_overlap = std::chrono::hours(24 * 7);

    std::string secret{};
    std::chrono::seconds overlap{};
};

/// @param object the text of a JSON object
TIDINGS_DECL refusal read_rotation(std::string_view object, rotation& out);

}  // namespace tidings::rest_hook::detail
