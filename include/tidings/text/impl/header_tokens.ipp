// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/text/impl/ascii.hpp>
#include <tidings/text/impl/header_tokens.hpp>

namespace tidings::detail {

bool header_has_token(std::string_view value, std::string_view token) noexcept {
    while (!value.empty()) {
        const std::string_view element = take_list_element(value);
        if (!element.empty() && equal_ignoring_case(element, token)) return true;
    }
    return false;
}

}  // namespace tidings::detail
