// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/database.hpp>
#include <tidings/store/table.hpp>

namespace tidings::sqlite {

/// The table of this name in the file; two of one name are one. Operations go through the writing
/// thread in the order of their calls, reads too, and each is durable when it completes; a watch is
/// called on that thread.
/// @error of its operations, beside those of `store::table`: errc::closed, errc::store_full (for a
/// put), errc::overflow (`max_pending_bytes`), errc::out_of_memory, errc::store_damaged (a get of a
/// value that the database's cipher cannot open; a scan leaves it out and logs its key)
/// @throws boost::system::system_error with errc::closed, where the database is
TIDINGS_DECL std::shared_ptr<store::table> make_table(database& db, std::string name);

}  // namespace tidings::sqlite
