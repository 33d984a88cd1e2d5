// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "../message.hpp"

#include <sqlite3.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

// SQLite itself, for the programs that are compared with tidings: one thread, one connection.
namespace sqlite_bench {

inline sqlite3* db = nullptr;
inline int log_pages = 0;

[[noreturn]] inline void fail() {
    std::fprintf(stderr, "sqlite alone: %s\n", sqlite3_errmsg(db));
    std::exit(1);
}

inline void execute(const char* sql) {
    if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail();
}

class statement {
 public:
    explicit statement(const char* sql) {
        if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &made_, nullptr) !=
            SQLITE_OK)
            fail();
    }
    statement(const statement&) = delete;
    statement& operator=(const statement&) = delete;
    ~statement() { sqlite3_finalize(made_); }

    statement& bind(int at, std::int64_t v) { return check(sqlite3_bind_int64(made_, at, v)); }
    statement& bind(int at, std::string_view v) {
        return check(sqlite3_bind_text(made_, at, v.data(), static_cast<int>(v.size()), nullptr));
    }
    statement& bind_null(int at) { return check(sqlite3_bind_null(made_, at)); }
    statement& bind_bytes(int at, std::string_view v) {
        return check(sqlite3_bind_blob(made_, at, v.data(), static_cast<int>(v.size()), nullptr));
    }
    bool step() {
        const int code = sqlite3_step(made_);
        if (code != SQLITE_ROW && code != SQLITE_DONE) fail();
        return code == SQLITE_ROW;
    }
    std::int64_t number(int column) const { return sqlite3_column_int64(made_, column); }
    std::string text(int column) const {
        const auto* const bytes = static_cast<const char*>(sqlite3_column_blob(made_, column));
        return {bytes, bytes + sqlite3_column_bytes(made_, column)};
    }
    void reset() {
        sqlite3_reset(made_);
        sqlite3_clear_bindings(made_);
    }
    void run() {
        while (step()) {
        }
        reset();
    }

 private:
    statement& check(int code) {
        if (code != SQLITE_OK) fail();
        return *this;
    }
    sqlite3_stmt* made_ = nullptr;
};

/// A number that SQL gives.
inline std::int64_t number_of(const char* sql) {
    statement s(sql);
    return s.step() ? s.number(0) : 0;
}

/// A checkpoint for each 4 MiB of the log, as in tidings.
class checkpoints {
 public:
    void limit_log() {
        constexpr std::size_t slice = std::size_t{4} << 20;
        const auto bytes = static_cast<std::size_t>(log_pages) * (page_bytes_ + 24);
        if (bytes < checkpointed_) checkpointed_ = 0;
        if (bytes < checkpointed_ + slice) return;
        sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
        checkpointed_ = bytes;
    }

 private:
    const std::size_t page_bytes_ = static_cast<std::size_t>(number_of("PRAGMA page_size"));
    std::size_t checkpointed_ = 0;
};

/// Opens a file that tidings has left, as tidings does.
inline void open_file(const char* path) {
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr) !=
        SQLITE_OK)
        fail();
    const auto note_log = [](void*, sqlite3*, const char*, int pages) {
        log_pages = pages;
        return SQLITE_OK;
    };
    sqlite3_wal_hook(db, note_log, nullptr);
    execute("PRAGMA secure_delete=1; PRAGMA journal_size_limit=4194304; PRAGMA synchronous=NORMAL");
}

/// Commits `events` in groups, and prints what each took. @param commit of the number of the first
template <class F>
void print_groups(std::size_t events, std::size_t group, F commit) {
    const stopwatch watch;
    std::size_t done = 0;
    for (; done < events; done += group) commit(done);
    const auto count = static_cast<double>(done);
    std::printf("cpu_us=%.3f wall_us=%.3f group=%zu\n", watch.cpu() / count * 1e6,
                watch.wall() / count * 1e6, group);
}

}  // namespace sqlite_bench
