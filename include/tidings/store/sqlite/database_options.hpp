// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/log.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace tidings::io {
class clock;
}

namespace tidings::sqlite {

class secret_cipher;

/// What a commit survives: of the process always its end, by SIGKILL, too. `docs/sqlite.md` says
/// what each costs.
enum class durability {
    memory,   ///< nothing of the machine: a kernel crash or power cut may damage the file, which is
              ///< synced when it is opened, and then never
    process,  ///< a kernel crash or power cut loses the newest commits, and damages nothing
    power,    ///< a kernel crash and power cut, too: every commit is synced
};

/// What becomes of a file of ours that SQLite finds damaged when it is opened.
enum class on_damaged {
    refuse,     ///< errc::store_damaged
    set_aside,  ///< it is renamed, with its `-wal`, and a new one is begun: `database::set_aside`
};

struct database_options {
    /// The file; of a symbolic link, what it leads to. Beside it lie `-wal`, `-shm` and `.lock`,
    /// and
    /// `.making` until a new one is whole. Created with mode 0600.
    std::string path{};
    durability durable = durability::power;
    on_damaged damaged = on_damaged::refuse;
    /// How long the opening waits for another process that has the file open; then
    /// errc::store_in_use. 0: not at all.
    std::chrono::milliseconds open_timeout{0};
    /// Reads the whole file once when it is opened (about a second for each GiB), so that damage
    /// shows then and not later.
    bool check = true;
    /// Above this the write-ahead log does not grow: commits wait for a read, at most 50 ms, and a
    /// backup that goes on is given up. At least 8 MiB. An erasure (`make_outbox`) and the first
    /// opening with a cipher write the whole file through it, whatever this says.
    std::size_t max_wal_bytes = 64 * 1024 * 1024;
    /// Of what waits for its commit; more is refused with errc::overflow.
    std::size_t max_pending_bytes = 64 * 1024 * 1024;
    /// While the file's disk has less free, what would make the file grow is refused with
    /// errc::store_full; what makes it smaller goes on. A backup leaves as much on its disk.
    std::size_t min_free_bytes = 64 * 1024 * 1024;
    /// Of the newest events of a history, kept in memory beside the file.
    std::size_t cache_bytes = 16 * 1024 * 1024;
    /// The name of a VFS that is registered with SQLite; empty: its default.
    std::string vfs{};
    io::clock* clock = nullptr;  ///< null: the machine's; outlives the database
    log_sink log{};
    /// Seals what the file keeps of secrets. Null: they stand there as plain text. What is there
    /// and not sealed by its first key is sealed by that when the file is opened.
    std::shared_ptr<const secret_cipher> cipher{};
};

}  // namespace tidings::sqlite
