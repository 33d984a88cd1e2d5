// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/position.hpp>

#include <algorithm>

namespace tidings {

position position::parse(std::string_view text, error_code& ec) {
    ec = {};
    position result;
    const bool printable =
        std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
    if (text.empty() || text.size() > 128 || !printable) {
        ec = errc::bad_position;
        return result;
    }
    result.text_ = text;
    return result;
}

}  // namespace tidings
