// SPDX-License-Identifier: BSL-1.0
//
// What SQLite itself costs of an outbox: one thread, one connection, the same file, schema, rows
// and statements as tidings, in transactions that take GROUP deliveries in and erase as many.
// Nothing is claimed, nobody is notified; of what stands in the file only the keys are in memory.
//
//     sqlite_outbox_loop FILE EVENTS GROUP
//
// FILE was made, and filled, by sqlite_outbox.

#include "plain_sqlite.hpp"

#include <array>
#include <deque>

namespace {

using namespace sqlite_bench;

/// What a delivery that stands in the file has, as the next ones get it.
struct pattern {
    std::array<std::string, 9> message{};
    std::string endpoint, batch, error;
    std::int64_t created = 0;

    pattern() {
        statement of_message(
            "SELECT source, event, type, topic, history, position, contenttype, fields "
            "FROM messages ORDER BY id DESC LIMIT 1");
        if (!of_message.step()) fail();
        for (int i = 0; i < 8; ++i) message.at(static_cast<std::size_t>(i)) = of_message.text(i);
        statement of_entry(
            "SELECT endpoint, batch, error, created FROM entries ORDER BY key DESC LIMIT 1");
        if (!of_entry.step()) fail();
        endpoint = of_entry.text(0);
        batch = of_entry.text(1);
        error = of_entry.text(2);
        created = of_entry.number(3);
    }
};

class loop {
 public:
    loop() {
        statement all(
            "SELECT key, message, m.body FROM entries JOIN messages m ON m.id = message "
            "ORDER BY key");
        while (all.step()) owed_.push_back({all.number(0), all.number(1), all.number(2)});
        last_ = owed_.back().key;
    }

    void commit(std::size_t first, std::size_t count) {
        execute("BEGIN");
        for (auto n = first; n < first + count; ++n) insert(n);
        for (std::size_t i = 0; i < count; ++i) erase();
        put_keys_.bind(1, last_).bind(2, std::int64_t{0}).run();
        execute("COMMIT");
        checkpoints_.limit_log();
    }

 private:
    struct delivery {
        std::int64_t key, message, body;
    };

    void insert(std::size_t number) {
        const auto data = body(number);
        const auto id = event_id(number);
        insert_body_.bind_bytes(1, data);
        const auto of_body = returned(insert_body_);
        const auto& m = like_.message;
        put_message_.bind(1, m[0]).bind(2, id).bind(3, m[2]).bind(4, m[3]).bind(5, m[4]);
        put_message_.bind(6, m[5]).bind(7, m[6]).bind_bytes(8, m[7]).bind(9, of_body);
        const auto of_message = returned(put_message_);
        put_entry_.bind(1, ++last_).bind(2, like_.endpoint).bind(3, id).bind(4, "");
        put_entry_.bind(5, of_message).bind_null(6).bind(7, like_.batch).bind(8, std::int64_t{0});
        put_entry_.bind(9, std::int64_t{0}).bind(10, like_.created).bind(11, like_.created);
        put_entry_.bind_null(12).bind_null(13).bind(14, like_.error).bind(15, std::int64_t{0});
        put_entry_.bind(16, like_.created).run();
        owed_.push_back({last_, of_message, of_body});
    }

    void erase() {
        const auto one = owed_.front();
        owed_.pop_front();
        erase_entry_.bind(1, one.key).run();
        release_.bind(1, one.body);
        if (returned(release_) == 0) erase_body_.bind(1, one.body).run();
        erase_message_.bind(1, one.message).run();
    }

    static std::int64_t returned(statement& s) {
        if (!s.step()) fail();
        const auto value = s.number(0);
        s.reset();
        return value;
    }

    statement insert_body_{"INSERT INTO bodies (uses, bytes) VALUES (1, ?) RETURNING id"};
    statement release_{"UPDATE bodies SET uses = uses - 1 WHERE id = ? RETURNING uses"};
    statement erase_body_{"DELETE FROM bodies WHERE id = ?"};
    statement put_message_{
        "INSERT INTO messages (source, event, type, topic, history, position, contenttype, fields, "
        "body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"};
    statement erase_message_{"DELETE FROM messages WHERE id = ?"};
    statement put_entry_{
        "INSERT OR REPLACE INTO entries (key, endpoint, messageid, webhookid, message, part, "
        "batch, "
        "batchindex, attempts, created, due, expires, firstfailure, error, state, since) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"};
    statement erase_entry_{"DELETE FROM entries WHERE key = ?"};
    statement put_keys_{"UPDATE keys SET entry = ?, attempt = ?"};
    const pattern like_;
    std::deque<delivery> owed_;
    std::int64_t last_ = 0;
    checkpoints checkpoints_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) return 1;
    const std::size_t events = std::strtoul(argv[2], nullptr, 10);
    const std::size_t group = std::strtoul(argv[3], nullptr, 10);
    open_file(argv[1]);
    if (static_cast<std::size_t>(number_of("SELECT count(*) FROM entries")) != kept) {
        std::fprintf(stderr, "sqlite_outbox_loop: the file is not full\n");
        return 1;
    }
    {
        loop writes;
        print_groups(events, group, [&](std::size_t first) { writes.commit(first, group); });
    }
    sqlite3_close_v2(db);
}
