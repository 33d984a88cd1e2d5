// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>
#include <tidings/text/json_media_type.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tidings {

inline constexpr std::string_view cloudevents_json_type = "application/cloudevents+json";
inline constexpr std::string_view cloudevents_batch_type = "application/cloudevents-batch+json";

/// So many attributes, extensions included, an event may have on a wire.
inline constexpr std::size_t max_wire_attributes = 256;

/// A larger hop count is an error, so that adding one cannot overflow.
inline constexpr unsigned max_wire_hops = 1'000'000;

/// An event as it came over a wire, with what travels beside it as extensions: `topic`, `position`
/// and `hops`. They are taken out of the event's own extensions.
struct wire_event {
    tidings::event event{"", ""};
    std::string topic{};     ///< empty when the wire named none; not checked
    std::string position{};  ///< likewise
    unsigned hops = 0;
};

/// A publication in the CloudEvents JSON format (1.0.2), with its topic, position and hop count as
/// extensions. Made once per publication, and again where the bus had other use for its bytes. Data
/// that is JSON stands in `data` byte for byte, always as the last member; other text as a JSON
/// string; anything else in `data_base64`.
/// @error errc::event_no_wire_form, errc::out_of_memory; null then
TIDINGS_DECL wire_form cloudevents_json(const publication& p, error_code& ec) noexcept;

/// Appends the same, and keeps nothing in the publication: for a frame that is itself kept there.
/// What has been kept is copied. After an error the end of `out` is unspecified.
TIDINGS_DECL void append_cloudevents_json(std::string& out, const publication& p,
                                          error_code& ec) noexcept;

/// The same for a format whose line ends would alter it (SSE turns CR into LF): data that holds a
/// CR goes as `data_base64`.
TIDINGS_DECL wire_form cloudevents_json_without_cr(const publication& p, error_code& ec) noexcept;

/// The same on one line: JSON data that holds a CR or LF goes as `data_base64`.
TIDINGS_DECL wire_form cloudevents_json_line(const publication& p, error_code& ec) noexcept;

/// Reads one event (CloudEvents JSON format 3). JSON data keeps its bytes as they stand in the
/// text.
/// @error errc::invalid_json, errc::invalid_utf8, errc::event_without_id,
/// errc::event_without_source, errc::event_without_type, errc::event_bad_specversion,
/// errc::event_bad_attribute_name, errc::event_bad_attribute_value, errc::event_bad_time,
/// errc::event_bad_data
TIDINGS_DECL wire_event parse_cloudevents_json(std::string_view text, error_code& ec) noexcept;

/// Reads a batch (CloudEvents JSON format 4), `[]` included; all or nothing. @error as above
TIDINGS_DECL std::vector<wire_event> parse_cloudevents_batch(std::string_view text,
                                                             error_code& ec) noexcept;

/// Whether its data is well-formed JSON, no deeper than `max_json_depth`; found once per content.
TIDINGS_DECL bool has_json_data(const publication& p) noexcept;

}  // namespace tidings
