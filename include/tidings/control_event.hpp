// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>

#include <cstdint>
#include <optional>

namespace tidings {

/// Control events come in band, through the same subscriber, and tell what is missing. Their topic
/// is their type.
///
/// `tidings.lagged`: the subscriber's queue was full and `count` events were dropped here.
/// `tidings.gap`: events between the position asked for and the next one are gone.
inline constexpr std::string_view lagged_type = "tidings.lagged";
inline constexpr std::string_view gap_type = "tidings.gap";

TIDINGS_DECL event_ptr make_lagged_event(std::uint64_t count);
/// `head`: where the stream goes on.
TIDINGS_DECL event_ptr make_gap_event(const position& head);

/// Whether it is one of the library's own.
inline bool is_control(const event_ptr& e) noexcept {
    return e->topic().starts_with("tidings.");
}
/// The number of dropped events, if it is a `tidings.lagged`.
TIDINGS_DECL std::optional<std::uint64_t> lagged_count(const event_ptr& e) noexcept;

}  // namespace tidings
