// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/database_options.hpp>
#include <tidings/store/sqlite/impl/connection.hpp>
#include <tidings/store/sqlite/impl/store_file.hpp>

namespace tidings::sqlite::detail {

/// A file that is open, for this process alone.
struct opened_store {
    file_lock lock;
    std::unique_ptr<connection> writing;
    std::unique_ptr<connection> reading;
    std::string set_aside;  ///< where the damaged file lies that stood in its place
    std::string what;       ///< more about the error, for the log
};

/// Locks, checks, makes or migrates the file, and opens it twice. Blocks.
/// @error errc::store_in_use, errc::store_foreign, errc::store_newer, errc::store_sealed,
/// errc::store_damaged, errc::store_failed, errc::out_of_memory, what the system reports
TIDINGS_DECL opened_store open_store(const database_options& o, error_code& ec);

}  // namespace tidings::sqlite::detail
