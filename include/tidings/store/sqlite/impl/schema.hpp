// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/connection.hpp>

#include <span>

namespace tidings::sqlite::detail {

/// Gives an empty file the newest schema, and syncs it. @throws failure
TIDINGS_DECL void create_schema(connection& c);

/// The schema of a file; 0: it has none. @throws failure
TIDINGS_DECL std::uint32_t version_of(connection& c);

/// What brings a file from the schema of its place, the first one is 1, to the next.
using migration = void (*)(connection&);
/// Those that there are: none, the first schema is the newest.
TIDINGS_DECL std::span<const migration> migrations() noexcept;

/// Runs the steps from `version` on in one transaction, after a copy was made at `backup`, which
/// must not be there. @throws failure, std::bad_alloc; the file is as it was then
TIDINGS_DECL void migrate(connection& c, std::uint32_t version, std::span<const migration> steps,
                          const std::string& backup);

}  // namespace tidings::sqlite::detail
