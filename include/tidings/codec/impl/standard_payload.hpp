// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>

#include <chrono>
#include <string>

namespace tidings::detail {

/// Appends the data of a publication as a JSON value: JSON data as they are, text as a string,
/// `null` where there are none.
/// @error errc::event_bad_data: it cannot be said in JSON; errc::event_no_wire_form,
/// errc::out_of_memory. Nothing is appended then.
TIDINGS_DECL void append_data_value(std::string& out, const publication& p, error_code& ec);

/// The payload that Standard Webhooks 1.0.0 advises, of a publication. Made once for all endpoints,
/// and again where the bus had other use for its bytes.
/// @param now the time of an event that has none
/// @error as `append_data_value`. Null then.
TIDINGS_DECL wire_form standard_payload(const publication& p,
                                        std::chrono::system_clock::time_point now, error_code& ec);

}  // namespace tidings::detail
