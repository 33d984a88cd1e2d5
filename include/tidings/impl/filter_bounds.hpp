// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_filter.hpp>

#include <string>
#include <string_view>

namespace tidings::detail {

/// Why a filter is refused, for people: with the bound where it is over one.
/// @param text its JSON
inline std::string describe_filter_error(error_code ec, std::string_view text) {
    if (ec != errc::too_large) return ec.message();
    if (text.size() > max_filter_bytes)
        return "a filter has at most " + std::to_string(max_filter_bytes) +
               " bytes, and this one has " + std::to_string(text.size());
    return "a filter has at most " + std::to_string(max_filter_nodes) +
           " expressions and comparisons, at most " + std::to_string(max_filter_depth) +
           " of them one inside another";
}

}  // namespace tidings::detail
