// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/position.hpp>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>

namespace tidings {

namespace detail {
namespace {

constexpr std::size_t epoch_digits = 12;  // of five bits each

// The number that an epoch's text stands for; all ones where it stands for none.
std::uint64_t epoch_number(std::string_view text) noexcept {
    constexpr auto none = std::numeric_limits<std::uint64_t>::max();
    if (text.size() != epoch_digits) return none;
    std::uint64_t number = 0;
    for (const char c : text) {
        const bool digit = c >= '0' && c <= '9';
        if (!digit && (c < 'a' || c > 'v')) return none;
        number = number << 5 | static_cast<std::uint64_t>(digit ? c - '0' : c - 'a' + 10);
    }
    return number;
}

// Returns the end of what it wrote.
char* write_epoch(char* to, std::uint64_t epoch) noexcept {
    for (auto shift = 5 * epoch_digits; shift != 0;) {
        shift -= 5;
        *to++ = "0123456789abcdefghijklmnopqrstuv"[(epoch >> shift) & 31];
    }
    return to;
}

}  // namespace
}  // namespace detail

position::position(std::shared_ptr<const std::string> epoch, std::uint64_t number) noexcept
    : epoch_(detail::epoch_number(*epoch)),
      number_(number) {
    if (epoch_ == none) text_ = std::move(epoch);
}

std::string position::epoch() const {
    if (text_) return *text_;
    if (empty()) return {};
    char digits[detail::epoch_digits];
    return {digits, detail::write_epoch(digits, epoch_)};
}

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
        if (error == std::errc() && end == last && canonical && number != none) {
            epoch = text.substr(0, colon);
            result.number_ = number;
            result.epoch_ = detail::epoch_number(epoch);
        }
    }
    if (result.epoch_ == none) result.text_ = std::make_shared<const std::string>(epoch);
    return result;
}

std::string position::text() const {
    if (!has_number()) return epoch();
    char digits[detail::epoch_digits + 1 + std::numeric_limits<std::uint64_t>::digits10 + 1];
    auto* at = text_ || empty() ? digits : detail::write_epoch(digits, epoch_);
    *at++ = ':';
    at = std::to_chars(at, std::end(digits), number_).ptr;
    const std::string_view own(digits, static_cast<std::size_t>(at - digits));
    return text_ ? std::string(*text_).append(own) : std::string(own);
}

}  // namespace tidings
