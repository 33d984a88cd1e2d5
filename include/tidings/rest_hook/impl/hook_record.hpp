// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/message.hpp>
#include <tidings/store/table.hpp>

#include <optional>
#include <string>

namespace tidings::rest_hook::detail {

/// A subscription as it stands in the table, under its id.
struct hook_record {
    std::string id{};
    std::string event{};  ///< the topic pattern
    std::string target_url{};
    std::string secret{};      ///< leaves the process only where it was made, once
    std::string created_at{};  ///< RFC 3339
    std::string owner{};       ///< the principal's name; empty: anonymous
    std::string expires_at{};  ///< RFC 3339, of its permission; empty: never
};

/// The value of its row.
TIDINGS_DECL std::string to_row_value(const hook_record& h);
/// Nothing when the row is not one of ours.
TIDINGS_DECL std::optional<hook_record> read_row(const store::row& r);

/// How the API shows it.
TIDINGS_DECL std::string to_json(const hook_record& h, bool active, bool with_secret);

/// What a 422 is about, in its title.
inline constexpr std::string_view bad_event_title = "Bad event";
inline constexpr std::string_view bad_secret_title = "Bad secret";
inline constexpr std::string_view bad_target_title = "Bad target";
inline constexpr std::string_view bad_member_title = "Bad member";

/// Reads `event`, `target_url` and `secret` of a new subscription; the last may stay empty.
/// `active` may be there and true. Pattern and secret are checked, the target's form is not. The
/// answer is set when it is refused: 400, 413, 415, 422 (with the names of members that are
/// unknown).
TIDINGS_DECL std::optional<http::response> read_hook(const http::request& r,
                                                     std::size_t max_body_bytes, hook_record& out);

}  // namespace tidings::rest_hook::detail
