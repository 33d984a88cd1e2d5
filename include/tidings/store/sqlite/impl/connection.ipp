// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/connection.hpp>

#include <sqlite3.h>
#include <algorithm>
#include <new>
#include <vector>

namespace tidings::sqlite::detail {

namespace {

[[noreturn]] void report(sqlite3* db, int code, const char* sql = nullptr) {
    if ((code & 0xff) == SQLITE_NOMEM) throw std::bad_alloc();
    std::string what = db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code);
    if (sql != nullptr) what.append(": ").append(sql);
    throw failure(code, what);
}

// Checkpoints are made by `writer` alone: this only notes how long the log is.
int note_log(void* pages, sqlite3*, const char*, int count) {
    *static_cast<std::size_t*>(pages) = static_cast<std::size_t>(count);
    return SQLITE_OK;
}

int read_whole(sqlite3_file* f) {
    if (f == nullptr || f->pMethods == nullptr) return SQLITE_OK;
    std::vector<char> bytes(std::size_t{64} * 1024);
    const auto at_once = static_cast<sqlite3_int64>(bytes.size());
    sqlite3_int64 size = 0;
    int code = f->pMethods->xFileSize(f, &size);
    for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += at_once) {
        const auto count = static_cast<int>(std::min(size - at, at_once));
        code = f->pMethods->xRead(f, bytes.data(), count, at);
    }
    return code == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : code;
}

}  // namespace

bool failure::is_damage() const noexcept {
    const int primary = code_ & 0xff;
    return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB;
}

bool failure::is_full() const noexcept {
    return (code_ & 0xff) == SQLITE_FULL;
}

bool failure::is_interrupt() const noexcept {
    return (code_ & 0xff) == SQLITE_INTERRUPT;
}

bool failure::is_final() const noexcept {
    return is_damage() || code_ == SQLITE_IOERR_FSYNC || code_ == SQLITE_IOERR_DIR_FSYNC;
}

void connection::closer::operator()(sqlite3* db) const noexcept {
    sqlite3_close_v2(db);
}

connection::connection(const std::string& path, const std::string& vfs) {
    sqlite3* opened = nullptr;
    constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    const int code =
        sqlite3_open_v2(path.c_str(), &opened, flags, vfs.empty() ? nullptr : vfs.c_str());
    db_.reset(opened);
    if (code != SQLITE_OK) report(opened, code);
    // A program that looks at the file may hold its lock for a moment.
    sqlite3_busy_timeout(opened, 2000);
    // Nothing makes a checkpoint but `make_checkpoint` and `empty_log`.
    sqlite3_wal_hook(opened, &note_log, &log_pages_);
    sqlite3_db_config(opened, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

void connection::execute(const char* sql) {
    const int code = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) report(db_.get(), code, sql);
}

std::int64_t connection::number(const char* sql) {
    statement s(*this, sql);
    auto result = s.query();
    return result.next() ? result.number(0) : 0;
}

std::string connection::text(const char* sql) {
    statement s(*this, sql);
    auto result = s.query();
    return result.next() ? std::string(result.text(0)) : std::string();
}

void connection::read_file() {
    for (const int which : {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER}) {
        sqlite3_file* file = nullptr;
        if (sqlite3_file_control(db_.get(), "main", which, &file) != SQLITE_OK) continue;
        if (const int code = read_whole(file); code != SQLITE_OK) report(nullptr, code, "read");
    }
}

void connection::interrupt() noexcept {
    sqlite3_interrupt(db_.get());
}

void connection::make_checkpoint() {
    checkpoint(SQLITE_CHECKPOINT_PASSIVE);
}

bool connection::empty_log() {
    if (!checkpoint(SQLITE_CHECKPOINT_TRUNCATE)) return false;
    log_pages_ = 0;
    return true;
}

bool connection::checkpoint(int mode) {
    const int code = sqlite3_wal_checkpoint_v2(db_.get(), "main", mode, nullptr, nullptr);
    if ((code & 0xff) == SQLITE_BUSY) return false;
    if (code != SQLITE_OK) report(db_.get(), code, "checkpoint");
    return true;
}

void connection::set_progress(bool (*f)(void*), void* argument) noexcept {
    constexpr int instructions = 200;
    progress_ = {f, argument};
    const auto call = [](void* p) {
        const auto& [of, with] = *static_cast<progress*>(p);
        return of(with) ? 0 : 1;
    };
    sqlite3_progress_handler(db_.get(), f != nullptr ? instructions : 0, call, &progress_);
}

rows::~rows() {
    if (statement_ == nullptr) return;
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}

bool rows::next() {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) report(sqlite3_db_handle(statement_), code);
    return false;
}

std::int64_t rows::number(int column) const noexcept {
    return sqlite3_column_int64(statement_, column);
}

std::string_view rows::text(int column) const noexcept {
    const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return bytes != nullptr ? std::string_view(bytes, size) : std::string_view();
}

bool rows::is_null(int column) const noexcept {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

void statement::closer::operator()(sqlite3_stmt* s) const noexcept {
    sqlite3_finalize(s);
}

statement::statement(connection& c, std::string_view sql) {
    sqlite3_stmt* made = nullptr;
    const int code = sqlite3_prepare_v3(c.native(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &made, nullptr);
    if (code != SQLITE_OK) report(c.native(), code);
    statement_.reset(made);
}

void statement::check(int code) const {
    if (code != SQLITE_OK) report(sqlite3_db_handle(statement_.get()), code);
}

void statement::bind(int at, std::int64_t value) {
    check(sqlite3_bind_int64(statement_.get(), at, value));
}

void statement::bind(int at, std::string_view value) {
    check(sqlite3_bind_text64(statement_.get(), at, value.data() != nullptr ? value.data() : "",
                              value.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void statement::bind(int at, bytes_view value) {
    const auto& bytes = value.bytes;
    check(sqlite3_bind_blob64(statement_.get(), at, bytes.data() != nullptr ? bytes.data() : "",
                              bytes.size(), SQLITE_STATIC));
}

void statement::bind(int at, std::nullptr_t) {
    check(sqlite3_bind_null(statement_.get(), at));
}

transaction::~transaction() {
    if (connection_ == nullptr) return;
    try {
        connection_->execute("ROLLBACK");
    } catch (...) {
        return;  // SQLite has rolled back by itself
    }
}

}  // namespace tidings::sqlite::detail
