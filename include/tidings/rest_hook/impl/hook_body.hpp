// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/message.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace tidings::rest_hook::detail {

/// What a refusal is about, in its title.
inline constexpr std::string_view bad_event_title = "Bad event";
inline constexpr std::string_view bad_secret_title = "Bad secret";
inline constexpr std::string_view bad_target_title = "Bad target";
inline constexpr std::string_view bad_member_title = "Bad member";
inline constexpr std::string_view malformed_title = "Not a subscription";

/// A problem whose `member` names the member of the request that it is about.
TIDINGS_DECL http::response problem_of(std::string_view member, unsigned status,
                                       std::string_view title, std::string_view detail);

using refusal = std::optional<http::response>;

inline std::string in_quotes(std::string_view name) {
    return '"' + std::string(name) + '"';
}
/// 400: what is said is of a wrong kind, or contradicts itself.
inline refusal malformed(std::string_view member, const std::string& why) {
    return problem_of(member, 400, malformed_title, why);
}
/// 422: what is said is not taken.
inline refusal refused(std::string_view member, const std::string& why) {
    return problem_of(member, 422, bad_member_title, why);
}

/// Reads the body of a request as the text of a JSON object: as it is, or made of a form
/// (application/x-www-form-urlencoded): `topics[]=a&topics[]=b` and a repeated `topic=a` are lists,
/// `metadata[key]=value` is a member of an object, and what is no text elsewhere (`active`,
/// `filters`, `lease_seconds`, `attempt`, `delivery`, `as_new`, `rate`, `overlap_seconds`) is none
/// here. An empty body is an object without members. The answer is set when it is refused: 400,
/// 413, 415.
TIDINGS_DECL refusal read_body(const http::request& r, std::size_t max_body_bytes,
                               std::string& out);

}  // namespace tidings::rest_hook::detail
