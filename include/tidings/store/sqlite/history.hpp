// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/history.hpp>
#include <tidings/store/sqlite/database.hpp>

namespace tidings::sqlite {

/// The history in a file, of the kind that commits later: `history_options::implementation` takes
/// it. Events are numbered and committed by the writing thread, a group at a time, and dispatched
/// then, on that thread: `immediate` callbacks run there, and a plain `publish` has no position.
///
/// Each call begins a new epoch. A position of an earlier one is known as far as the file had
/// committed; any other is a gap, so that a restored backup, a copy that went its own way and what
/// was lost by a power cut are never taken for the whole. `max_age` counts by the wall clock.
/// C++ values are stored by their bytes: one without a serialiser is refused with
/// errc::event_no_wire_form, one that is read from the file is bytes.
///
/// Beside the database's cache each event that is held and came with an id costs about 64 bytes of
/// memory. The file keeps one history; blocks until that is read and fitted to the rules; not for a
/// thread that must not wait.
/// @throws boost::system::system_error with what `database` reports, std::invalid_argument for a
/// rule that is no pattern, and for a second history
TIDINGS_DECL std::shared_ptr<tidings::history> make_history(database& db,
                                                            std::vector<history_rule> rules);

}  // namespace tidings::sqlite
