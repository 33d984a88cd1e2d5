// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/errc.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace tidings::sqlite::detail {

/// The lock of a file of one process, held until it goes. `FILE.lock` stays: a file that is removed
/// could be locked twice, under two inodes.
class file_lock {
 public:
    file_lock() = default;
    /// Waits for it. @error errc::store_in_use, what the system reports
    TIDINGS_DECL file_lock(const std::string& path, std::chrono::milliseconds timeout,
                           error_code& ec);
    file_lock(file_lock&& o) noexcept : descriptor_(o.descriptor_) { o.descriptor_ = -1; }
    file_lock& operator=(file_lock&& o) noexcept {
        std::swap(descriptor_, o.descriptor_);
        return *this;
    }
    TIDINGS_DECL ~file_lock();

 private:
    int descriptor_ = -1;
};

/// "tide": what the header of each file of ours says (`PRAGMA application_id`).
constexpr std::uint32_t application_id = 0x74696465;
/// The schema that this library writes (`PRAGMA user_version`).
constexpr std::uint32_t schema_version = 4;

/// What lies under the name of a file.
enum class found_file {
    none,     ///< nothing, or a file without a byte
    ours,     ///< by its header
    copy,     ///< the same, and without a log of its own: a backup that was not opened yet
    unknown,  ///< its header is none of SQLite's
};
/// Looks at the header alone: nothing is opened by SQLite, which would change it.
/// @error errc::store_foreign (a file of SQLite's that another program made), errc::store_newer,
/// what the system reports
TIDINGS_DECL found_file find_file(const std::string& path, error_code& ec) noexcept;

/// The file that a name stands for: where it is a symbolic link, what that leads to, so that all
/// names of a file have the same lock and log beside it. @throws std::bad_alloc
TIDINGS_DECL std::string target_of(std::string path);

/// Removes what SQLite keeps beside a file: its journal, its log and their index. They are gone
/// from the disk when it returns. @error what the system reports @throws std::bad_alloc
TIDINGS_DECL error_code remove_beside(const std::string& path);

/// Removes a file, if it is there. @error what the system reports
TIDINGS_DECL error_code remove_file(const std::string& path) noexcept;

/// A new file, empty and with mode 0600. @error what the system reports; it is there, too
TIDINGS_DECL error_code create_private_file(const std::string& path) noexcept;

/// Renames the file, with its write-ahead log, to a name that is free; gives that.
/// @error what the system reports
TIDINGS_DECL std::string set_file_aside(const std::string& path, error_code& ec);

/// A damaged file that `set_file_aside` renamed and that lies there, still; empty: none. Reads the
/// folder.
TIDINGS_DECL std::string file_set_aside(const std::string& path);

/// What the file's disk has free for us; all ones where the system does not say.
TIDINGS_DECL std::uint64_t free_bytes(const std::string& path) noexcept;
/// Whether the file's disk has so many bytes for us, and `min_free` beside them.
TIDINGS_DECL bool has_room(const std::string& path, std::uint64_t bytes,
                           std::uint64_t min_free) noexcept;
/// 0 where it is not there.
TIDINGS_DECL std::uint64_t file_bytes(const std::string& path) noexcept;

/// Writes everything of a new file to the disk, and gives it its name, under which nothing may lie
/// yet. @error what the system reports
TIDINGS_DECL error_code publish_file(const std::string& written, const std::string& name) noexcept;

}  // namespace tidings::sqlite::detail
