// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/connection.hpp>
#include <tidings/store/sqlite/secret_cipher.hpp>

namespace tidings::sqlite::detail {

/// The place of a table's row, which its value is sealed for. @throws std::bad_alloc
TIDINGS_DECL std::string place_of_row(std::string_view table, std::string_view key);

/// Whether every value that is sealed can be opened; `cipher` may be null. @throws failure
TIDINGS_DECL bool can_open_all(connection& c, const secret_cipher* cipher);

/// Seals what is not sealed by the cipher's first key, some at a time, so that an end of the
/// process between leaves what can be opened, too. What was plain text is nowhere in the file then,
/// nor in its log. A value that cannot be opened stays damaged, under the name of the first key.
/// False: another program reads the log, which has the plain text until the next call.
/// @throws failure, std::bad_alloc
TIDINGS_DECL bool seal_all(connection& c, const secret_cipher& cipher);

}  // namespace tidings::sqlite::detail
