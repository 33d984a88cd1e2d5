// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidings::http {

/// Replaces every `%XX` by its byte (RFC 3986 2.1); '+' stays '+'. The result may hold any byte,
/// NUL and invalid UTF-8 included: the caller judges.
/// @error errc::bad_request for a '%' without two hexadecimal digits; the result is empty then.
TIDINGS_DECL std::string percent_decode(std::string_view text, error_code& ec);

/// The first '%' of a text that is no escape, for people: `"%zz" at byte 5 is no escape` (from 1).
/// Empty: there is none.
TIDINGS_DECL std::string bad_escape(std::string_view text);

/// Writes every byte but the unreserved ones (RFC 3986 2.3: letters, digits, `-._~`) as `%XX`, in
/// upper case. Fit for a path segment and for a query's name or value.
TIDINGS_DECL std::string percent_encode(std::string_view bytes);

/// The names and values of a query, in order, repeated names included.
using query_parameters = std::vector<std::pair<std::string, std::string>>;

/// Reads `a=b&c=d` as WHATWG URL 5.1 (application/x-www-form-urlencoded) does: '+' is a space, a
/// piece without '=' is a name with an empty value, empty pieces are skipped. Unlike there, nothing
/// is replaced: a bad escape is an error, and whether the bytes are UTF-8 is left to the caller.
/// @error errc::bad_request; the result is empty then.
TIDINGS_DECL query_parameters parse_query(std::string_view query, error_code& ec);

}  // namespace tidings::http
