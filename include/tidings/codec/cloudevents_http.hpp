// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/codec/cloudevents_json.hpp>
#include <tidings/http/message.hpp>

namespace tidings {

/// How an HTTP message carries an event (CloudEvents HTTP binding 1.0.2, section 3).
enum class content_mode {
    none,        ///< no event: no `ce-specversion` field, another media type
    binary,      ///< attributes in `ce-` fields, data in the body
    structured,  ///< the whole event in the body
    batch,       ///< many in the body
};
TIDINGS_DECL content_mode content_mode_of(const http::fields& f) noexcept;

/// Writes the `ce-` fields and Content-Type of the binary mode (3.1); the body is the data's bytes.
/// Values are percent-encoded as 3.1.3.2 has it.
/// @error errc::event_no_wire_form; null then, else the body
TIDINGS_DECL const std::string* write_binary_event(const publication& p, http::fields& f,
                                                   error_code& ec) noexcept;

/// What a '%' in the value of a `ce-` field is.
enum class percent_signs {
    encoded,  ///< the begin of an escape, or the value is refused (3.1.3.2)
    lenient,  ///< where two hexadecimal digits follow an escape, else itself
};

/// Reads binary or structured mode. Raw UTF-8 in field values is taken, too, as npm, Go and Java
/// libraries send it. @error as `parse_cloudevents_json`, errc::event_bad_content_type for `none`
/// and `batch`
TIDINGS_DECL wire_event read_http_event(const http::fields& f, std::string body, error_code& ec,
                                        percent_signs in_fields = percent_signs::encoded) noexcept;

}  // namespace tidings
