// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>

#include <algorithm>
#include <string_view>

namespace tidings::detail {

/// Takes the first element off a comma-separated list, without the white space around it. It may be
/// empty, which RFC 9110 5.6.1.2 wants ignored.
constexpr std::string_view take_list_element(std::string_view& list) noexcept {
    constexpr std::string_view space = " \t";
    const std::size_t comma = list.find(',');
    std::string_view element = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    element.remove_prefix(std::min(element.find_first_not_of(space), element.size()));
    return element.substr(0, element.find_last_not_of(space) + 1);
}

/// Whether a comma-separated list (RFC 9110 5.6.1), such as the value of `Connection` or `Upgrade`,
/// has `token` among its elements, in any case. Of a field that occurs several times, ask each
/// value.
[[nodiscard]] TIDINGS_DECL bool header_has_token(std::string_view value,
                                                 std::string_view token) noexcept;

}  // namespace tidings::detail
