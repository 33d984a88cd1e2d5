// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/outbox_operations.hpp>

namespace tidings::sqlite::detail {

// What stands in one column of an outbox's tables. All may throw std::bad_alloc; what reads throws
// `failure` where the text is damaged.

/// A category's name and a value: `tidings:801`; empty for success.
TIDINGS_DECL std::string text_of(error_code ec);
TIDINGS_DECL error_code read_error(std::string_view text);

using message_fields = std::vector<std::pair<std::string, std::string>>;
TIDINGS_DECL std::string text_of(const message_fields& fields);
TIDINGS_DECL message_fields read_fields(std::string_view bytes);

TIDINGS_DECL std::string text_of(const store::outbox_health& h);
TIDINGS_DECL store::outbox_health read_health(std::string_view text);

TIDINGS_DECL std::optional<std::string> text_of(const std::optional<store::outbox_limits>& l);
TIDINGS_DECL store::outbox_limits read_limits(std::string_view text);

/// Numbers with spaces between them, up to the last that is not 0.
using latency_counts = decltype(store::outbox_attempt_counts::latencies);
TIDINGS_DECL std::string text_of(const latency_counts& counts);
TIDINGS_DECL latency_counts read_latencies(std::string_view text);

/// Empty for no place.
TIDINGS_DECL position read_position(std::string_view text);

}  // namespace tidings::sqlite::detail
