// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/store_file.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <system_error>
#include <thread>

namespace tidings::sqlite::detail {

namespace {

error_code last_error() noexcept {
    return {errno, boost::system::system_category()};
}

constexpr auto aside_suffix = ".damaged-";
constexpr auto owner_only = S_IRUSR | S_IWUSR;

/// A descriptor of a file.
class opened_file {
 public:
    opened_file(const std::string& path, int flags) noexcept
        : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, owner_only)) {}
    ~opened_file() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }
    opened_file(const opened_file&) = delete;
    opened_file& operator=(const opened_file&) = delete;
    int get() const noexcept { return descriptor_; }
    bool is_open() const noexcept { return descriptor_ >= 0; }

 private:
    int descriptor_;
};

std::uint32_t big_endian(const unsigned char* bytes) noexcept {
    return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
           std::uint32_t{bytes[2]} << 8 | std::uint32_t{bytes[3]};
}

error_code sync_folder_of(const std::string& path) noexcept {
    const auto slash = path.rfind('/');
    const opened_file folder(slash == std::string::npos ? "." : path.substr(0, slash + 1),
                             O_RDONLY | O_DIRECTORY);
    if (!folder.is_open() || ::fsync(folder.get()) != 0) return last_error();
    return {};
}

}  // namespace

file_lock::file_lock(const std::string& path, std::chrono::milliseconds timeout, error_code& ec) {
    constexpr std::chrono::milliseconds pause(10);
    const auto latest = std::chrono::steady_clock::now() + timeout;
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, owner_only);
    if (descriptor_ < 0) {
        ec = last_error();
        return;
    }
    while (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
        const bool is_held = errno == EWOULDBLOCK;
        if (!is_held && errno != EINTR) {
            ec = last_error();
            return;
        }
        if (is_held && std::chrono::steady_clock::now() >= latest) {
            ec = errc::store_in_use;
            return;
        }
        std::this_thread::sleep_for(pause);
    }
    ec = {};
}

file_lock::~file_lock() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

// The header is the one of SQLite's file format, 1.3: magic, version for writing at 18 (1: without
// a write-ahead log), user version at 60, id at 68. A file of ours has it from the moment that it
// has its name.
found_file find_file(const std::string& path, error_code& ec) noexcept {
    ec = {};
    const opened_file file(path, O_RDWR);
    if (!file.is_open() && errno == ENOENT) return found_file::none;
    std::array<unsigned char, 100> header{};
    const auto size =
        file.is_open() ? ::pread(file.get(), header.data(), header.size(), 0) : ssize_t{-1};
    if (size < 0) ec = last_error();
    if (size <= 0) return found_file::none;
    constexpr char magic[] = "SQLite format 3";
    if (size < 100 || std::memcmp(header.data(), magic, sizeof magic) != 0)
        return found_file::unknown;
    if (big_endian(&header[68]) != application_id)
        ec = errc::store_foreign;
    else if (big_endian(&header[60]) > schema_version)
        ec = errc::store_newer;
    return header[18] == 1 ? found_file::copy : found_file::ours;
}

std::string target_of(std::string path) {
    constexpr int max_links = 40;
    for (int i = 0; i < max_links; ++i) {
        std::error_code ec;
        const auto target = std::filesystem::read_symlink(path, ec);
        if (ec) break;
        path = (std::filesystem::path(path).parent_path() / target).string();
    }
    return path;
}

error_code remove_beside(const std::string& path) {
    bool had_any = false;
    for (const char* part : {"-journal", "-wal", "-shm"}) {
        if (::unlink((path + part).c_str()) == 0)
            had_any = true;
        else if (errno != ENOENT)
            return last_error();
    }
    return had_any ? sync_folder_of(path) : error_code();
}

error_code remove_file(const std::string& path) noexcept {
    return ::unlink(path.c_str()) == 0 || errno == ENOENT ? error_code() : last_error();
}

error_code create_private_file(const std::string& path) noexcept {
    const opened_file file(path, O_RDWR | O_CREAT | O_EXCL);
    return file.is_open() ? error_code() : last_error();
}

std::string set_file_aside(const std::string& path, error_code& ec) {
    for (int number = 1;; ++number) {
        auto name = path + aside_suffix + std::to_string(number);
        const opened_file reserved(name, O_RDWR | O_CREAT | O_EXCL);
        if (!reserved.is_open() && errno == EEXIST) continue;
        if (!reserved.is_open()) {
            ec = last_error();
            return {};
        }
        // The log first: without its file nothing reads it, and the file without it is old.
        ec = {};
        if (::rename((path + "-wal").c_str(), (name + "-wal").c_str()) != 0 && errno != ENOENT)
            ec = last_error();
        if (!ec && ::rename(path.c_str(), name.c_str()) != 0) ec = last_error();
        ::unlink((path + "-shm").c_str());
        return ec ? std::string() : name;
    }
}

std::string file_set_aside(const std::string& path) {
    namespace files = std::filesystem;
    const auto begin = files::path(path).filename().string() + aside_suffix;
    std::error_code ec;
    files::directory_iterator at(files::absolute(path, ec).parent_path(), ec);
    for (; !ec && at != files::directory_iterator(); at.increment(ec)) {
        const auto name = at->path().filename().string();
        if (name.starts_with(begin) && !name.ends_with("-wal")) return at->path().string();
    }
    return {};
}

std::uint64_t free_bytes(const std::string& path) noexcept {
    struct statvfs disk {};
    if (::statvfs(path.c_str(), &disk) != 0) return std::numeric_limits<std::uint64_t>::max();
    return std::uint64_t{disk.f_bavail} * disk.f_frsize;
}

bool has_room(const std::string& path, std::uint64_t bytes, std::uint64_t min_free) noexcept {
    const auto free = free_bytes(path);
    return free >= min_free && free - min_free >= bytes;
}

std::uint64_t file_bytes(const std::string& path) noexcept {
    struct stat file {};
    return ::stat(path.c_str(), &file) == 0 ? static_cast<std::uint64_t>(file.st_size) : 0;
}

error_code publish_file(const std::string& written, const std::string& name) noexcept {
    {
        const opened_file file(written, O_RDWR);
        if (!file.is_open() || ::fsync(file.get()) != 0) return last_error();
    }
    if (::link(written.c_str(), name.c_str()) != 0) return last_error();
    ::unlink(written.c_str());
    return sync_folder_of(name);
}

}  // namespace tidings::sqlite::detail
