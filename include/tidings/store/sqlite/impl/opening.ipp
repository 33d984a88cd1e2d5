// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/impl/guarded.hpp>
#include <tidings/store/sqlite/impl/opening.hpp>
#include <tidings/store/sqlite/impl/schema.hpp>
#include <tidings/store/sqlite/impl/sealing.hpp>

#include <new>

namespace tidings::sqlite::detail {

namespace {

// What another process than one of ours holds for longer than the busy timeout.
constexpr int sqlite_busy = 5;
// The schema that has the column for it.
constexpr std::uint32_t first_with_seals = 3;

const char* synchronous(durability d) noexcept {
    switch (d) {
        case durability::memory:
            return "PRAGMA synchronous=OFF";
        case durability::process:
            return "PRAGMA synchronous=NORMAL";
        case durability::power:
            break;
    }
    return "PRAGMA synchronous=FULL";
}

// The check calls what cannot be read now damaged, too.
void check_all(connection& c) {
    constexpr auto check = "PRAGMA quick_check(1)";
    if (c.text(check) == "ok") return;
    c.read_file();
    const auto found = c.text(check);
    if (found != "ok") throw failure(11, found);  // SQLITE_CORRUPT
}

std::string name_while_made(const database_options& o) {
    return o.path + ".making";
}

// What an end of the process or the machine left of a file that was being made.
error_code remove_unfinished(const database_options& o) {
    const auto part = name_while_made(o);
    if (const auto ec = remove_beside(part)) return ec;
    return remove_file(part);
}

// The file has its name when it is whole and synced: what a killed process or a power cut leaves is
// no file, or one that can be opened. What lies beside the name is of a file that is gone.
// @throws failure, std::bad_alloc
error_code make_file(const database_options& o) {
    const auto part = name_while_made(o);
    if (const auto ec = create_private_file(part)) return ec;
    {
        connection c(part, o.vfs);
        c.execute("PRAGMA journal_mode=MEMORY");
        create_schema(c);
        c.execute("PRAGMA journal_mode=WAL");
    }
    for (const auto& name : {part, o.path})
        if (const auto ec = remove_beside(name)) return ec;
    if (const auto ec = remove_file(o.path)) return ec;  // it has no byte
    return publish_file(part, o.path);
}

// A cut in a checkpoint may spoil the header while the log has it, still: SQLite, which reads both,
// says what the file is. This changes neither.
bool is_ours_by_log(const database_options& o) {
    if (file_bytes(o.path + "-wal") == 0) return false;
    try {
        connection c(o.path, o.vfs);
        return c.number("PRAGMA application_id") == application_id;
    } catch (const failure&) {
        return false;
    }
}

void log_remains(const database_options& o) {
    const auto what = "another program reads " + o.path +
                      ": its log has what was sealed as plain text until the next opening";
    tidings::detail::write_log(o.log, {log_level::error, "sqlite", what, errc::store_in_use});
}

// @throws failure, std::bad_alloc
error_code open_connections(opened_store& store, const database_options& o) {
    store.writing = std::make_unique<connection>(o.path, o.vfs);
    auto& c = *store.writing;
    const auto version = version_of(c);
    if (version == 0) return errc::store_damaged;
    if (version > schema_version) return errc::store_newer;
    if (version >= first_with_seals && !can_open_all(c, o.cipher.get())) return errc::store_sealed;
    if (o.check) check_all(c);
    c.execute("PRAGMA journal_mode=WAL");
    migrate(c, version, migrations(), o.path + ".v" + std::to_string(version) + ".backup");
    c.execute("PRAGMA synchronous=FULL");
    // What is deleted is overwritten; `writer::erase_remains` takes what else is left of it.
    c.execute("PRAGMA secure_delete=1");
    if (o.cipher && !seal_all(c, *o.cipher)) log_remains(o);
    c.empty_log();  // of a program that reads it the log is kept
    c.execute("PRAGMA journal_size_limit=4194304");
    c.execute(synchronous(o.durable));
    store.reading = std::make_unique<connection>(o.path, o.vfs);
    store.reading->execute("PRAGMA query_only=1");
    return {};
}

// Whether it was damage, which may be set aside, is for the caller to ask of the code.
error_code try_to_open(opened_store& store, const database_options& o) {
    try {
        error_code ec;
        const auto found = find_file(o.path, ec);
        if (!ec) ec = remove_unfinished(o);
        if (!ec && found == found_file::none) ec = make_file(o);
        // The log of the file in whose place a backup was put would be taken for its own.
        if (!ec && found == found_file::copy && file_bytes(o.path + "-wal") != 0)
            ec = remove_beside(o.path);
        if (!ec && found == found_file::unknown && !is_ours_by_log(o)) ec = errc::store_foreign;
        return ec ? ec : open_connections(store, o);
    } catch (const failure& f) {
        store.what = f.what();
        if (f.is_damage()) return errc::store_damaged;
        return (f.code() & 0xff) == sqlite_busy ? errc::store_in_use : errc::store_failed;
    } catch (const std::bad_alloc&) {
        return errc::out_of_memory;
    }
}

}  // namespace

opened_store open_store(const database_options& o, error_code& ec) {
    opened_store store;
    store.lock = file_lock(o.path + ".lock", o.open_timeout, ec);
    if (ec) return store;
    ec = try_to_open(store, o);
    if (ec != errc::store_damaged || o.damaged != on_damaged::set_aside) return store;
    store.reading.reset();
    store.writing.reset();
    store.set_aside = set_file_aside(o.path, ec);
    if (!ec) ec = try_to_open(store, o);
    return store;
}

}  // namespace tidings::sqlite::detail
