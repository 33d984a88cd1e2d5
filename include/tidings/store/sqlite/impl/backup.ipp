// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/guarded.hpp>
#include <tidings/store/sqlite/impl/backup.hpp>
#include <tidings/store/sqlite/impl/store_file.hpp>

#include <new>

namespace tidings::sqlite::detail {

namespace {

/// The connection of a backup, known to what may interrupt it.
class registered_backup {
 public:
    registered_backup(shared_parts& shared, connection& c) : shared_(shared) {
        const std::lock_guard lock(shared_.backup_mutex);
        shared_.backup = &c;
    }
    ~registered_backup() {
        const std::lock_guard lock(shared_.backup_mutex);
        shared_.backup = nullptr;
    }
    registered_backup(const registered_backup&) = delete;
    registered_backup& operator=(const registered_backup&) = delete;

 private:
    shared_parts& shared_;
};

}  // namespace

error_code backup::make(const std::string& path) noexcept {
    try {
        const auto part = path + ".part";
        if (const auto ec = remove_file(part)) return ec;
        if (const auto ec = create_private_file(part)) return ec;
        auto ec = copy_to(part);
        if (!ec) ec = publish_file(part, path);
        if (ec) remove_file(part);
        return ec;
    } catch (const std::bad_alloc&) {
        return errc::out_of_memory;
    }
}

error_code backup::copy_to(const std::string& part) {
    // A copy on the store's own disk must not take what its next commit needs.
    if (!has_room(part, file_bytes(options_.path) + shared_.log_bytes, options_.min_free_bytes))
        return errc::store_full;
    part_ = &part;
    was_full_ = false;
    try {
        connection c(options_.path, options_.vfs);
        const registered_backup registered(shared_, c);
        c.set_progress([](void* self) { return static_cast<backup*>(self)->go_on(); }, this);
        statement(c, "VACUUM INTO ?").run(part);
        return {};
    } catch (const failure& f) {
        if (closed_) return errc::closed;
        const auto ec = was_full_ || f.is_full() ? errc::store_full : errc::store_failed;
        tidings::detail::write_log(options_.log, {log_level::error, "sqlite", f.what(), ec});
        return ec;
    }
}

// An interruption ends a statement that runs, and none that begins behind it: the database may have
// been closed before.
bool backup::go_on() noexcept {
    reader_.run_waiting();
    was_full_ = free_bytes(*part_) < options_.min_free_bytes;
    return !closed_ && !was_full_;
}

}  // namespace tidings::sqlite::detail
