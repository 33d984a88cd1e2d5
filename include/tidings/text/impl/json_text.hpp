// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/detail/config.hpp>
#include <tidings/errc.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidings::detail {

/// Appends a JSON string (RFC 8259 7), quotes included. `text` is UTF-8.
TIDINGS_DECL void append_json_string(std::string& out, std::string_view text);

/// The value of a JSON string literal, quotes included; the literal is well-formed. A surrogate
/// that was escaped alone (RFC 8259 8.2) becomes three bytes that are not UTF-8, so that no check
/// of text lets it pass.
TIDINGS_DECL std::string read_json_string(std::string_view literal);

/// Whether the whole text is one JSON value by the grammar of RFC 8259, and UTF-8. Numbers of any
/// range, nesting of any depth, no recursion.
/// @error errc::invalid_json, errc::out_of_memory
TIDINGS_DECL error_code check_json(std::string_view text) noexcept;
inline bool is_json(std::string_view text) noexcept {
    return !check_json(text);
}
/// Where a text stops being JSON, for people: `line 2, column 11` (in bytes, from 1). Empty: it is
/// JSON.
TIDINGS_DECL std::string json_fault(std::string_view text);
/// The same, and the value is an array.
TIDINGS_DECL error_code check_json_array(std::string_view text) noexcept;

/// The members of an object, or elements of an array, as slices of the text (names unescaped). The
/// text must be well-formed JSON; empty when it is something else. What is behind the first
/// `at_most` is left out: a list of many small ones takes many times the memory of its text.
TIDINGS_DECL std::vector<std::pair<std::string, std::string_view>> json_members(
    std::string_view text, std::size_t at_most = std::string_view::npos);
TIDINGS_DECL std::vector<std::string_view> json_elements(
    std::string_view text, std::size_t at_most = std::string_view::npos);

}  // namespace tidings::detail
