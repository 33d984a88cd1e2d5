// SPDX-License-Identifier: BSL-1.0
//
// What SQLite itself costs: one thread, one connection, the same file, schema, indexes, rows and
// statements as tidings, in transactions of GROUP events. Nothing is numbered for others, nobody is
// notified, nothing is kept in memory.
//
//     sqlite_loop FILE EVENTS GROUP
//
// FILE was made, and filled, by sqlite_tidings.

#include "plain_sqlite.hpp"

namespace {

using namespace sqlite_bench;

class loop {
 public:
    void commit(std::size_t first, std::size_t count) {
        const auto now = static_cast<std::int64_t>(seconds_of(CLOCK_REALTIME) * 1e3);
        execute("BEGIN");
        for (auto n = first; n < first + count; ++n) insert(n, now);
        evict(count);
        set_head_.bind(1, head_).run();
        execute("COMMIT");
        checkpoints_.limit_log();
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
    checkpoints checkpoints_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) return 1;
    const std::size_t events = std::strtoul(argv[2], nullptr, 10);
    const std::size_t group = std::strtoul(argv[3], nullptr, 10);
    open_file(argv[1]);
    if (static_cast<std::size_t>(number_of("SELECT count(*) FROM events")) != kept) {
        std::fprintf(stderr, "sqlite_loop: the file is not full\n");
        return 1;
    }
    {
        loop writes;
        print_groups(events, group, [&](std::size_t first) { writes.commit(first, group); });
    }
    sqlite3_close_v2(db);
}
