// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/rest_hook/impl/hook_outlet.hpp>
#include <tidings/rest_hook/impl/hook_record.hpp>

#include <cstdint>
#include <string>

namespace tidings::rest_hook::detail {

/// What an answer, and a request that repeats it, has in the place of a header's value.
inline constexpr std::string_view hidden_value = "***";

/// How a subscription does: its row's state, or `disabled` where it cannot be served.
struct hook_condition {
    hook_state state = hook_state::active;
    std::string reason{};  ///< why it is disabled
};

/// A subscription at one moment, for an answer.
struct hook_view {
    hook_record record{};
    std::uint64_t revision = 0;  ///< of the row
    hook_condition now{};
    hook_outlet::endpoint_ptr endpoint{};  ///< null: it is not served
};

/// How the API shows it: without secrets, but for the present one where it was just made.
/// @param form what one has that was given none
TIDINGS_DECL std::string to_json(const hook_view& v, webhook::body_form form,
                                 bool with_secret = false);

/// The value of ETag: the revision.
TIDINGS_DECL std::string tag_of(std::uint64_t revision);
/// Whether a request with this If-Match (RFC 9110 13.1.1; a list of tags, or `*`) is about a row of
/// this revision.
TIDINGS_DECL bool tag_matches(std::string_view if_match, std::uint64_t revision);
/// Whether a request with this If-None-Match (RFC 9110 13.1.2) has what has this tag.
TIDINGS_DECL bool is_known_tag(std::string_view if_none_match, std::string_view tag);

}  // namespace tidings::rest_hook::detail
