// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/delivered_ids.hpp>
#include <tidings/store/sqlite/database.hpp>

namespace tidings::sqlite {

/// The ids of this name in the file; each receiver has a name of its own. An event that is
/// published into the history of the same file with a note of these ids is committed with them or
/// not at all, so that a crash neither loses nor repeats it. Other ids are added behind the
/// acceptance.
///
/// All of them are in memory, too. Blocks until they are read; not for a thread that must not wait.
/// @error of its operations: errc::closed, errc::store_failed, errc::out_of_memory
/// @throws boost::system::system_error with what `database` reports, std::invalid_argument for a
/// second one of a name
TIDINGS_DECL std::shared_ptr<store::delivered_ids> make_delivered_ids(
    database& db, const std::string& name, store::delivered_ids_options options = {});

}  // namespace tidings::sqlite
