// SPDX-License-Identifier: BSL-1.0
//
// What SQLite itself costs: one thread, one connection, the same file, schema, indexes, rows and
// statements as tidings, in transactions of GROUP events. Nothing is numbered for others, nobody is
// notified, nothing is kept in memory.
//
//     sqlite_loop FILE EVENTS GROUP
//
// FILE was made, and filled, by sqlite_tidings.

#include "../message.hpp"

#include <sqlite3.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

using namespace sqlite_bench;

sqlite3* db = nullptr;
int log_pages = 0;

[[noreturn]] void fail() {
    std::fprintf(stderr, "sqlite_loop: %s\n", sqlite3_errmsg(db));
    std::exit(1);
}

void execute(const char* sql) {
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
    statement& bind_bytes(int at, std::string_view v) {
        return check(sqlite3_bind_blob(made_, at, v.data(), static_cast<int>(v.size()), nullptr));
    }
    bool step() {
        const int code = sqlite3_step(made_);
        if (code != SQLITE_ROW && code != SQLITE_DONE) fail();
        return code == SQLITE_ROW;
    }
    std::int64_t number(int column) const { return sqlite3_column_int64(made_, column); }
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
std::int64_t number_of(const char* sql) {
    statement s(sql);
    return s.step() ? s.number(0) : 0;
}

class loop {
 public:
    void commit(std::size_t first, std::size_t count) {
        const auto now = static_cast<std::int64_t>(seconds_of(CLOCK_REALTIME) * 1e3);
        execute("BEGIN");
        for (auto n = first; n < first + count; ++n) insert(n, now);
        evict(count);
        set_head_.bind(1, head_).run();
        execute("COMMIT");
        limit_log();
    }

 private:
    void insert(std::size_t number, std::int64_t now) {
        const auto data = body(number);
        insert_body_.bind_bytes(1, data);
        if (!insert_body_.step()) fail();
        const auto of_body = insert_body_.number(0);
        insert_body_.reset();
        char id[37];
        std::snprintf(id, sizeof id, "%024zx%012lld", number, static_cast<long long>(++head_));
        insert_event_.bind(1, head_)
            .bind(2, std::int64_t{0})
            .bind(3, now)
            .bind(4, std::int64_t{1200})
            .bind(5, std::int64_t{0})
            .bind(6, std::int64_t{1})
            .bind(7, now * 1000)
            .bind(8, topic)
            .bind(9, "bench.order")
            .bind(10, "/bench")
            .bind(11, id)
            .bind(14, "application/json")
            .bind(16, of_body);
        insert_event_.run();
    }

    void evict(std::size_t count) {
        oldest_.bind(1, std::int64_t{0}).bind(2, static_cast<std::int64_t>(count));
        std::int64_t last = 0;
        while (oldest_.step()) {
            last = oldest_.number(0);
            const auto of_body = oldest_.number(4);
            release_.bind(1, of_body);
            const bool gone = release_.step() && release_.number(0) == 0;
            release_.reset();
            if (gone) erase_body_.bind(1, of_body).run();
            erase_.bind(1, last).run();
        }
        oldest_.reset();
        note_lost_.bind(1, std::int64_t{0}).bind(2, topic).bind(3, last).run();
    }

    // A checkpoint for each 4 MiB of the log, as in tidings.
    void limit_log() {
        constexpr std::size_t slice = std::size_t{4} << 20;
        const auto bytes = static_cast<std::size_t>(log_pages) * (page_bytes_ + 24);
        if (bytes < checkpointed_) checkpointed_ = 0;
        if (bytes < checkpointed_ + slice) return;
        sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
        checkpointed_ = bytes;
    }

    statement insert_body_{"INSERT INTO bodies (uses, bytes) VALUES (1, ?) RETURNING id"};
    statement release_{"UPDATE bodies SET uses = uses - 1 WHERE id = ? RETURNING uses"};
    statement erase_body_{"DELETE FROM bodies WHERE id = ?"};
    statement insert_event_{
        "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
    statement oldest_{
        "SELECT offset, size, stored, topic, body, flags, source, id FROM events "
        "WHERE ring = ? ORDER BY offset LIMIT ?"};
    statement erase_{"DELETE FROM events WHERE offset = ?"};
    statement note_lost_{
        "INSERT INTO lost (ring, topic, offset) VALUES (?, ?, ?) "
        "ON CONFLICT (ring, topic) DO UPDATE SET offset = excluded.offset"};
    statement set_head_{"UPDATE epochs SET last = ? WHERE id = (SELECT max(id) FROM epochs)"};
    std::int64_t head_ = number_of("SELECT max(offset) FROM events");
    const std::size_t page_bytes_ = static_cast<std::size_t>(number_of("PRAGMA page_size"));
    std::size_t checkpointed_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) return 1;
    const std::size_t events = std::strtoul(argv[2], nullptr, 10);
    const std::size_t group = std::strtoul(argv[3], nullptr, 10);
    if (sqlite3_open_v2(argv[1], &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr) !=
        SQLITE_OK)
        fail();
    const auto note_log = [](void*, sqlite3*, const char*, int pages) {
        log_pages = pages;
        return SQLITE_OK;
    };
    sqlite3_wal_hook(db, note_log, nullptr);
    execute("PRAGMA secure_delete=1; PRAGMA journal_size_limit=4194304; PRAGMA synchronous=NORMAL");
    if (static_cast<std::size_t>(number_of("SELECT count(*) FROM events")) != kept) {
        std::fprintf(stderr, "sqlite_loop: the file is not full\n");
        return 1;
    }
    {
        loop writes;
        const stopwatch watch;
        std::size_t done = 0;
        for (; done < events; done += group) writes.commit(done, group);
        const auto count = static_cast<double>(done);
        std::printf("cpu_us=%.3f wall_us=%.3f group=%zu\n", watch.cpu() / count * 1e6,
                    watch.wall() / count * 1e6, group);
    }
    sqlite3_close_v2(db);
}
