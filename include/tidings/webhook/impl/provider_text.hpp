// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>
#include <tidings/http/message.hpp>
#include <tidings/topic_rule.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidings::webhook::detail {

using json_object = std::vector<std::pair<std::string, std::string_view>>;

/// A member's JSON text; empty if there is none. @error errc::event_bad_data for a name that stands
/// there twice: readers would not agree on what it says.
std::string_view only_member(const json_object& members, std::string_view name, error_code& ec);
/// Its value if it is a string. @error the same
std::optional<std::string> text_member(const json_object& members, std::string_view name,
                                       error_code& ec);

/// Each part of the text a token of its own behind a dot; what is beyond `most` is left in the last
/// one.
std::string dotted_tokens(std::string_view text, char separator, std::size_t most);

/// The topic of events whose types begin with `com.<provider>.`: without `com.`, and with at most
/// that many tokens behind the provider's. Other types have none.
topic_rule provider_topic(std::string provider, std::size_t most);

/// Whether a body of this Content-Type is a form (WHATWG URL 5).
bool is_form_type(std::string_view content_type) noexcept;
bool is_form(const http::request& r) noexcept;

}  // namespace tidings::webhook::detail
