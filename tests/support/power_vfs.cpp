// SPDX-License-Identifier: BSL-1.0
#include "support/power_vfs.hpp"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>

namespace tidings::test {

namespace {

bool is_kept(const std::string& path) {
    return !path.ends_with("-shm") && !path.ends_with(".lock");
}

std::string content_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

ino_t number_of(const std::string& path) {
    struct stat s {};
    return ::stat(path.c_str(), &s) == 0 ? s.st_ino : 0;
}

enum class call { read, write, sync };

struct recorder {
    std::mutex mutex;
    std::map<ino_t, std::string> synced;  // a file may be renamed
    std::filesystem::path folder;
    std::function<void(const power_vfs::disk&)> on_sync;
    std::function<bool()> on_temporary;
    power_vfs::fault how = power_vfs::fault::none;
    std::size_t left = 0;
    std::size_t syncs = 0;
    std::size_t reads = 0;
    bool failed = false;

    // Whether this call is one that fails.
    bool counts_down(call what) {
        using fault = power_vfs::fault;
        if (what == call::sync) ++syncs;
        if (what == call::read) ++reads;
        if (how == fault::none) return false;
        if (how == fault::failed_sync && what != call::sync) return false;
        if ((how == fault::failed_read) != (what == call::read)) return false;
        if (left > 1) {
            --left;
            return false;
        }
        if (how == power_vfs::fault::killed) ::kill(::getpid(), SIGKILL);
        return failed = true;
    }

    power_vfs::disk disk() const {
        power_vfs::disk d;
        if (folder.empty()) return d;
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            const auto path = entry.path().string();
            if (!entry.is_regular_file() || !is_kept(path)) continue;
            const auto known = synced.find(number_of(path));
            d[path] = known != synced.end() ? known->second : std::string();
        }
        return d;
    }
};

std::unique_ptr<recorder> notes;

/// A file of ours: the default VFS's follows it in memory.
struct power_file : sqlite3_file {
    std::string* path;
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

power_file& of(sqlite3_file* f) {
    return *static_cast<power_file*>(f);
}

int fault_code(bool is_sync) {
    if (is_sync) return SQLITE_IOERR_FSYNC;
    return notes->how == power_vfs::fault::full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

int close_file(sqlite3_file* f) {
    const int code = of(f).real()->pMethods->xClose(of(f).real());
    delete of(f).path;
    return code;
}
int read_file(sqlite3_file* f, void* to, int size, sqlite3_int64 at) {
    {
        const std::lock_guard lock(notes->mutex);
        if (notes->counts_down(call::read)) return SQLITE_IOERR_READ;
    }
    return of(f).real()->pMethods->xRead(of(f).real(), to, size, at);
}
int write_file(sqlite3_file* f, const void* from, int size, sqlite3_int64 at) {
    {
        const std::lock_guard lock(notes->mutex);
        if (notes->counts_down(call::write)) return fault_code(false);
    }
    return of(f).real()->pMethods->xWrite(of(f).real(), from, size, at);
}
int truncate_file(sqlite3_file* f, sqlite3_int64 size) {
    {
        const std::lock_guard lock(notes->mutex);
        const bool is_for_all = notes->how != power_vfs::fault::full;
        if (is_for_all && notes->counts_down(call::write)) return fault_code(false);
    }
    return of(f).real()->pMethods->xTruncate(of(f).real(), size);
}
int sync_file(sqlite3_file* f, int) {
    const std::lock_guard lock(notes->mutex);
    if (notes->counts_down(call::sync)) return fault_code(true);
    if (notes->on_sync) notes->on_sync(notes->disk());
    const auto& path = *of(f).path;
    if (is_kept(path)) notes->synced[number_of(path)] = content_of(path);
    if (notes->on_sync) notes->on_sync(notes->disk());
    return SQLITE_OK;
}
int size_of_file(sqlite3_file* f, sqlite3_int64* size) {
    return of(f).real()->pMethods->xFileSize(of(f).real(), size);
}
int lock_file(sqlite3_file* f, int how) {
    return of(f).real()->pMethods->xLock(of(f).real(), how);
}
int unlock_file(sqlite3_file* f, int how) {
    return of(f).real()->pMethods->xUnlock(of(f).real(), how);
}
int check_reserved(sqlite3_file* f, int* result) {
    return of(f).real()->pMethods->xCheckReservedLock(of(f).real(), result);
}
int control_file(sqlite3_file* f, int op, void* argument) {
    return of(f).real()->pMethods->xFileControl(of(f).real(), op, argument);
}
int sector_size(sqlite3_file* f) {
    return of(f).real()->pMethods->xSectorSize(of(f).real());
}
int characteristics(sqlite3_file*) {
    return 0;  // nothing is atomic, nothing is in order
}
int map_shared(sqlite3_file* f, int page, int size, int extend, void volatile** p) {
    return of(f).real()->pMethods->xShmMap(of(f).real(), page, size, extend, p);
}
int lock_shared(sqlite3_file* f, int offset, int n, int flags) {
    return of(f).real()->pMethods->xShmLock(of(f).real(), offset, n, flags);
}
void barrier(sqlite3_file* f) {
    of(f).real()->pMethods->xShmBarrier(of(f).real());
}
int unmap_shared(sqlite3_file* f, int remove) {
    return of(f).real()->pMethods->xShmUnmap(of(f).real(), remove);
}

sqlite3_io_methods methods() {
    sqlite3_io_methods m{};
    m.iVersion = 2;
    m.xClose = close_file;
    m.xRead = read_file;
    m.xWrite = write_file;
    m.xTruncate = truncate_file;
    m.xSync = sync_file;
    m.xFileSize = size_of_file;
    m.xLock = lock_file;
    m.xUnlock = unlock_file;
    m.xCheckReservedLock = check_reserved;
    m.xFileControl = control_file;
    m.xSectorSize = sector_size;
    m.xDeviceCharacteristics = characteristics;
    m.xShmMap = map_shared;
    m.xShmLock = lock_shared;
    m.xShmBarrier = barrier;
    m.xShmUnmap = unmap_shared;
    return m;
}

sqlite3_vfs* real_vfs = nullptr;
sqlite3_vfs registered;

bool may_make_temporary() {
    std::function<bool()> f;
    {
        const std::lock_guard lock(notes->mutex);
        f = notes->on_temporary;
    }
    return !f || f();
}

int open_file(sqlite3_vfs*, const char* path, sqlite3_file* f, int flags, int* out) {
    static const sqlite3_io_methods ours = methods();
    f->pMethods = nullptr;
    auto& file = of(f);
    file.real()->pMethods = nullptr;
    if (path == nullptr && !may_make_temporary()) return SQLITE_IOERR_GETTEMPPATH;
    const int code = real_vfs->xOpen(real_vfs, path, file.real(), flags, out);
    if (code != SQLITE_OK) return code;
    file.path = new std::string(path != nullptr ? path : "");
    f->pMethods = &ours;
    if (path == nullptr || !is_kept(path)) return code;
    const std::lock_guard lock(notes->mutex);
    notes->folder = std::filesystem::path(path).parent_path();
    // The number may be one of a file that is gone.
    std::error_code ec;
    if (std::filesystem::file_size(path, ec) == 0) notes->synced.erase(number_of(path));
    return code;
}

}  // namespace

power_vfs::power_vfs() {
    notes = std::make_unique<recorder>();
    real_vfs = sqlite3_vfs_find(nullptr);
    registered = *real_vfs;
    registered.zName = name;
    registered.pNext = nullptr;
    registered.szOsFile = static_cast<int>(sizeof(power_file)) + real_vfs->szOsFile;
    registered.xOpen = open_file;
    sqlite3_vfs_register(&registered, 0);
}

power_vfs::~power_vfs() {
    sqlite3_vfs_unregister(&registered);
    notes.reset();
}

void power_vfs::on_sync(std::function<void(const disk&)> f) {
    const std::lock_guard lock(notes->mutex);
    notes->on_sync = std::move(f);
}

void power_vfs::on_temporary(std::function<bool()> f) {
    const std::lock_guard lock(notes->mutex);
    notes->on_temporary = std::move(f);
}

void power_vfs::fail_from(std::size_t nth, fault how) {
    const std::lock_guard lock(notes->mutex);
    notes->left = nth;
    notes->how = how;
    notes->failed = false;
}

bool power_vfs::has_failed() const {
    const std::lock_guard lock(notes->mutex);
    return notes->failed;
}

power_vfs::disk power_vfs::synced() const {
    const std::lock_guard lock(notes->mutex);
    return notes->disk();
}

std::size_t power_vfs::reads() const {
    const std::lock_guard lock(notes->mutex);
    return notes->reads;
}

std::size_t power_vfs::syncs() const {
    const std::lock_guard lock(notes->mutex);
    return notes->syncs;
}

void power_vfs::restore(const disk& d, const std::string& folder) {
    for (const auto& [path, bytes] : d)
        std::ofstream(folder + "/" + std::filesystem::path(path).filename().string(),
                      std::ios::binary)
            << bytes;
}

}  // namespace tidings::test
