// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/message.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tidings::rest_hook::detail {

/// What a refusal is about, in its title.
inline constexpr std::string_view bad_event_title = "Bad event";
inline constexpr std::string_view bad_secret_title = "Bad secret";
inline constexpr std::string_view bad_target_title = "Bad target";
inline constexpr std::string_view bad_member_title = "Bad member";
inline constexpr std::string_view malformed_title = "Malformed member";

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
/// 400: what has to be said is not.
inline refusal missing(std::string_view member, const std::string& why) {
    return problem_of(member, 400, "Missing member", why);
}
/// 422: what is said is not taken.
inline refusal refused(std::string_view member, const std::string& why) {
    return problem_of(member, 422, bad_member_title, why);
}

/// Reads the body of a request as the text of a JSON object: as it is, or made of a form
/// (application/x-www-form-urlencoded): `topics[]=a&topics[]=b` and a repeated `topic=a` are lists,
/// `metadata[key]=value` is a member of an object, and what is no text elsewhere (`active`,
/// `filters`, `lease_seconds`, `attempt`, `delivery`, `as_new`, `rate`, `overlap_seconds`) is none
/// here. An empty body is an object without members. The answer is set when it is refused: 400
/// (also where it is nested deeper than `max_json_depth`), 413, 415, 422 (a member that stands
/// twice).
TIDINGS_DECL refusal read_body(const http::request& r, std::size_t max_body_bytes,
                               std::string& out);
/// The same of a request that has nothing to say: 422 for any member.
TIDINGS_DECL refusal read_nothing(const http::request& r, std::size_t max_body_bytes);

/// A name that stands twice among members, if there is one. @param fold makes names that mean the
/// same the same
template <class Members, class Fold>
std::optional<std::string> repeated_name(const Members& members, Fold fold) {
    std::vector<std::string> names;
    names.reserve(members.size());
    for (const auto& m : members) names.push_back(fold(m.first));
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    return twice == names.end() ? std::nullopt : std::optional(*twice);
}

}  // namespace tidings::rest_hook::detail
