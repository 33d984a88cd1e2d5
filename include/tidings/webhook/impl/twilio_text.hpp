// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace tidings::webhook::detail {

/// The parameter of a URL that has the hash of a body which is no form.
inline constexpr std::string_view twilio_hash_name = "bodySHA256";

/// Name and value of each member of a form, sorted by both and without repetitions, as Twilio's
/// libraries write them behind the URL. @error errc::bad_request
std::string twilio_members(std::string_view form, error_code& ec);

/// The hash in the query of a target; nothing if it has none.
/// @error errc::bad_request for a query that cannot be read, or has two
std::optional<std::string> twilio_body_hash(std::string_view target, error_code& ec);

}  // namespace tidings::webhook::detail
