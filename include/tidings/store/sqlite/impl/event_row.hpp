// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/event_ptr.hpp>
#include <tidings/store/sqlite/impl/connection.hpp>

#include <optional>

namespace tidings::sqlite::detail {

/// The columns of `events`, in the order of `insert_event_sql` and `read_event`.
inline constexpr char event_columns[] =
    "offset, ring, stored, size, hops, flags, time, topic, type, source, id, subject, dataschema, "
    "contenttype, extensions, body";

/// In `flags`: the id came with the event, it was not made here.
inline constexpr std::int64_t own_id_flag = 2;

/// What a history adds to an event when it keeps it.
struct event_place {
    std::int64_t offset = 0;
    std::int64_t ring = 0;
    std::int64_t stored = 0;  ///< milliseconds since 1970
    std::int64_t size = 0;    ///< bytes by which the rules count
    std::optional<std::int64_t> body{};
};

/// @throws failure, std::bad_alloc
TIDINGS_DECL void insert_event(statement& insert, const publication& e, const event_place& at);

/// The row of `event_columns` as a publication, without its data where `body` is set: it is in
/// that row. @throws failure (the row is damaged), std::bad_alloc
TIDINGS_DECL event_ptr read_event(const rows& r, const position& at, std::string body);

}  // namespace tidings::sqlite::detail
