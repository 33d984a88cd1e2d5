// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>

#include <cstdint>
#include <cstring>
#include <optional>

namespace tidings {

/// Control events come in band, through the same subscriber, and say what is missing. Their topic
/// is their type. Nothing else may have either: a publication whose type begins with `tidings.` and
/// is not its topic cannot be made (errc::event_reserved_type), whatever brought it, so that no
/// stranger's event passes for a control event. A client takes what its server sends for one if
/// topic and type say so.
///
/// `tidings.lagged`: the subscriber's queue was full and `count` events were dropped here.
/// `tidings.gap`: events between the position asked for and the next one are gone.
/// `tidings.skipped`: an event of `bytes` bytes was larger than this consumer takes; the stream
/// goes on behind it.
inline constexpr std::string_view lagged_type = "tidings.lagged";
inline constexpr std::string_view gap_type = "tidings.gap";
inline constexpr std::string_view skipped_type = "tidings.skipped";

// Null where an allocation failed: the stream that would say so ends with errc::out_of_memory.
TIDINGS_DECL event_ptr make_lagged_event(std::uint64_t count) noexcept;
/// `head`: where the stream goes on.
TIDINGS_DECL event_ptr make_gap_event(const position& head) noexcept;
TIDINGS_DECL event_ptr make_skipped_event(std::uint64_t bytes) noexcept;

namespace detail {
/// Whether a topic, or a type, is one that the library alone gives.
inline bool is_given_by_library(std::string_view topic) noexcept {
    constexpr std::string_view prefix = "tidings.";
    return topic.size() >= prefix.size() &&
           std::memcmp(topic.data(), prefix.data(), prefix.size()) == 0;  // in one word
}
}  // namespace detail

/// Whether a topic, or a type, is that of an operational event, which the library publishes on a
/// bus (`webhook::operational_options`): an event as any other, not a control event.
inline bool is_operational(std::string_view topic) noexcept {
    return detail::is_given_by_library(topic) && topic.substr(8).starts_with("webhook.");
}
/// Whether a topic, or a type, is a control event's.
inline bool is_control(std::string_view topic) noexcept {
    return detail::is_given_by_library(topic) && !is_operational(topic);
}
/// Whether the library has made it, here or at the server of a client.
inline bool is_control(const event_ptr& e) noexcept {
    return is_control(e->topic());
}
/// Whether an event of this topic says that events were lost. Such an event may be delivered to a
/// bus, which passes it to all of its subscribers.
inline bool is_loss_signal(std::string_view topic) noexcept {
    return topic == gap_type || topic == lagged_type || topic == skipped_type;
}
/// The number of dropped events, if it is a `tidings.lagged`.
TIDINGS_DECL std::optional<std::uint64_t> lagged_count(const event_ptr& e) noexcept;
/// The size of the event that was skipped, if it is a `tidings.skipped`.
TIDINGS_DECL std::optional<std::uint64_t> skipped_bytes(const event_ptr& e) noexcept;

}  // namespace tidings
