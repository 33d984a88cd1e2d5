// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string_view>

namespace tidings::detail {

/// Takes the first token, and the '.' after it, off a topic or pattern that is well-formed. An
/// empty rest is the end.
inline std::string_view take_token(std::string_view& rest) noexcept {
    const auto token = rest.substr(0, rest.find('.'));
    rest.remove_prefix(token.size() < rest.size() ? token.size() + 1 : token.size());
    return token;
}

}  // namespace tidings::detail
