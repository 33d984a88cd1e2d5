// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/position.hpp>

#include <algorithm>
#include <charconv>

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
    // A number as this class writes it; any other end belongs to the epoch, so that the text is
    // given back as it came.
    auto epoch = text;
    const auto colon = text.rfind(':');
    if (colon != 0 && colon != std::string_view::npos) {
        const auto digits = text.substr(colon + 1);
        std::uint64_t number = 0;
        const auto* const last = digits.data() + digits.size();
        const auto [end, error] = std::from_chars(digits.data(), last, number);
        const bool canonical = digits.size() == 1 || !digits.starts_with('0');
        if (error == std::errc() && end == last && canonical && number != no_number) {
            epoch = text.substr(0, colon);
            result.number_ = number;
        }
    }
    result.epoch_ = std::make_shared<const std::string>(epoch);
    return result;
}

std::string position::text() const {
    std::string text(epoch());
    if (!has_number()) return text;
    return text.append(1, ':').append(std::to_string(number_));
}

}  // namespace tidings
