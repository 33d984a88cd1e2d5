// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>

namespace tidings::test {

/// A VFS of SQLite, registered while it lives under the name `name`. It passes everything to the
/// default one but syncs: of a file that is synced it notes the content, so that a test can have
/// the disk as a power cut at that moment would leave it: each name, with the bytes that were
/// synced. It fails calls by number. One at a time.
class power_vfs {
 public:
    static constexpr const char* name = "tidings-power";
    /// The files that a power cut would leave, by path. One that was never synced is empty.
    using disk = std::map<std::string, std::string>;
    /// `killed`: the process ends by SIGKILL.
    enum class fault { none, io_error, full, failed_sync, failed_read, killed };

    power_vfs();
    ~power_vfs();
    power_vfs(const power_vfs&) = delete;
    power_vfs& operator=(const power_vfs&) = delete;

    /// Called around each sync, before and behind it, on the thread that syncs.
    void on_sync(std::function<void(const disk&)> f);
    /// Called before each temporary file is made, on the thread that makes it; where that gives
    /// false none can be made.
    void on_temporary(std::function<bool()> f);
    /// From here on the n-th write, truncation or sync (of `failed_sync`: the n-th sync, of
    /// `failed_read`: the n-th read) fails, and every one behind it. A full disk truncates.
    void fail_from(std::size_t nth, fault how);
    /// Whether one has failed.
    bool has_failed() const;
    /// How many syncs there were.
    std::size_t syncs() const;
    /// And reads: not of pages that a connection has in its own cache.
    std::size_t reads() const;
    disk synced() const;

    /// Writes the files of a disk into a folder, under their names.
    static void restore(const disk& d, const std::string& folder);
};

}  // namespace tidings::test
