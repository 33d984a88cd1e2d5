// SPDX-License-Identifier: BSL-1.0
// What the two threads of a database do: which runs each statement, how long a read has a
// transaction, and that reads never stand before a commit.
#include "support/outbox_bed.hpp"
#include "support/sqlite_bed.hpp"
#include "support/statement_trace.hpp"

#include <tidings/store/sqlite/delivered_ids.hpp>
#include <tidings/store/sqlite/impl/database_state.hpp>
#include <tidings/store/sqlite/outbox.hpp>
#include <tidings/store/sqlite/table.hpp>

#include <sqlite3.h>
#include <boost/asio/append.hpp>
#include <boost/asio/post.hpp>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace tidings::test {

namespace {

/// Small events in a history whose file has to be read.
void fill(stored_history& f, int events) {
    for (int i = 0; i < events; ++i) {
        error_code ec;
        auto e = publication::make("a", made(std::to_string(i)), {}, ec);
        f.events->append(pending_publication(std::move(e)), {});
    }
    CHECK_FALSE(drain(*f.db));
}

sqlite::database_options uncached(const temporary_folder& folder) {
    auto o = store_options(folder.file("store.db"));
    o.cache_bytes = 0;
    return o;
}

bool is_scan(std::string_view sql) {
    return sql.find("FROM events WHERE offset > ?") != sql.npos;
}

TEST_CASE("no thread of the program's own runs a statement of an open database",
          "[sqlite][threads]") {
    std::mutex mutex;
    std::map<std::thread::id, std::set<sqlite3*>> users;
    const statement_trace trace([&](const statement_trace::call& c) {
        const std::lock_guard lock(mutex);
        users[std::this_thread::get_id()].insert(c.connection);
    });
    const temporary_folder folder;
    stored_history f(uncached(folder));
    const auto rows = sqlite::make_table(*f.db, "rows");
    const auto ids = sqlite::make_delivered_ids(*f.db, "ids");
    outbox_bed outbox(
        {"sqlite", [&](store::outbox_options o) { return sqlite::make_outbox(*f.db, o); }});
    {
        const std::lock_guard lock(mutex);
        users.clear();  // the opening blocks
    }
    for (int i = 0; i < 10; ++i) f.add("a", std::to_string(i));
    CHECK(f.read({}).events.size() == 10);
    store_bed bed;
    rows->async_put("k", "v", 0, bed.note("put"));
    rows->async_get("k", bed.note("get"));
    rows->async_scan("", 10, bed.note("scan"));
    rows->async_erase("k", 0, bed.note("erase"));
    CHECK(bed.order().size() == 4);
    outbox.append("e", "1");
    outbox.claim_and_finish(outbox_bed::state::dead);
    CHECK(outbox.list().size() == 1);
    outbox.erase("somebody");
    CHECK_FALSE(drain(*f.db));
    CHECK_FALSE(wait_for([&](auto h) { f.db->async_backup(folder.file("copy"), std::move(h)); }));
    f.db->sizes();
    f.db->commits();
    f.db->close();

    const std::lock_guard lock(mutex);
    CHECK(users.size() == 2);
    CHECK_FALSE(users.contains(std::this_thread::get_id()));
    std::set<sqlite3*> all;
    std::size_t count = 0;
    for (const auto& [thread, connections] : users) {
        all.insert(connections.begin(), connections.end());
        count += connections.size();
    }
    CHECK(all.size() == count);  // no connection has two threads
}

TEST_CASE("the connection that reads can write nothing", "[sqlite][threads]") {
    const temporary_folder folder;
    stored_history f(store_options(folder.file("store.db")));
    f.add("a", "1");
    store_bed bed;
    std::string refused;
    const auto ec = f.db->state()->reading().post(
        [&, done = bed.note("read")](sqlite::detail::connection* c) mutable {
            for (const char* sql : {"DELETE FROM events", "CREATE TABLE t (x)"}) {
                try {
                    c->execute(sql);
                } catch (const sqlite::detail::failure& e) {
                    if (e.code() == SQLITE_READONLY) refused += sql[0];
                }
            }
            net::post(net::append(std::move(done), error_code()));
        });
    REQUIRE_FALSE(ec);
    CHECK(bed.order().size() == 1);
    CHECK(refused == "DC");
    CHECK(f.read({}).events.size() == 1);
}

TEST_CASE("a connection that is closed makes no checkpoint", "[sqlite]") {
    const auto bytes_of = [](const std::string& path) {
        std::ifstream in(path, std::ios::binary);
        return std::string{std::istreambuf_iterator<char>(in), {}};
    };
    const temporary_folder folder;
    const auto copy = folder.file("copy.db");
    {
        stored_history f(store_options(folder.file("store.db")));
        fill(f, 10);
        std::filesystem::copy_file(folder.file("store.db"), copy);
        std::filesystem::copy_file(folder.file("store.db-wal"), copy + "-wal");
    }
    const auto file = bytes_of(copy);
    const auto log = bytes_of(copy + "-wal");
    REQUIRE_FALSE(log.empty());
    {
        sqlite::detail::connection last(copy, "");
        CHECK(last.number("SELECT count(*) FROM events") == 10);
    }
    CHECK((bytes_of(copy) == file));
    CHECK((bytes_of(copy + "-wal") == log));
}

TEST_CASE("a long read has a transaction for each slice of rows", "[sqlite][threads]") {
    constexpr int held = 10'000;
    constexpr std::size_t most = 4097;  // of a slice, and one that says there are more
    std::mutex mutex;
    std::vector<std::size_t> rows;  // of each transaction
    const statement_trace trace([&](const statement_trace::call& c) {
        const std::lock_guard lock(mutex);
        if (is_scan(c.sql) && !c.is_row) rows.push_back(0);
        if (is_scan(c.sql) && c.is_row) ++rows.back();
        if (c.sql == "COMMIT" && !rows.empty()) rows.push_back(0);
    });
    const temporary_folder folder;
    stored_history f(uncached(folder), held);
    fill(f, held);
    CHECK(f.read({}, held).events.size() < held);
    bool at_end = false;
    for (position from; !at_end;) {
        f.events->async_read(from, {"*.other"}, held,
                             net::bind_executor(f.io, [&](error_code ec, history_slice s) {
                                 CHECK_FALSE(ec);
                                 at_end = s.at_end;
                                 from = s.next;
                             }));
        const auto before = from;
        REQUIRE(run_io_until(f.io, [&] { return at_end || from != before; }));
    }
    const std::lock_guard lock(mutex);
    std::size_t all = 0;
    for (const auto count : rows) {
        CHECK(count <= most);
        all += count;
    }
    CHECK(all >= held);
}

TEST_CASE("a thousand reads that wait stand before no commit", "[sqlite][threads]") {
    std::mutex mutex;
    std::condition_variable changed;
    bool is_held = false;
    bool may_go = true;
    // Holds the reading thread in the middle of its transaction.
    const statement_trace trace([&](const statement_trace::call& c) {
        if (!c.is_row || !is_scan(c.sql)) return;
        std::unique_lock lock(mutex);
        is_held = !may_go;
        changed.notify_all();
        changed.wait(lock, [&] { return may_go; });
    });
    const temporary_folder folder;
    stored_history f(uncached(folder));
    fill(f, 10);
    const auto set = [&](bool go) {
        const std::lock_guard lock(mutex);
        may_go = go;
        changed.notify_all();
    };
    set(false);
    std::size_t read = 0;
    for (int i = 0; i < 1000; ++i)
        f.events->async_read({}, {">"}, 100,
                             net::bind_executor(f.io, [&](error_code ec, const history_slice& s) {
                                 CHECK_FALSE(ec);
                                 CHECK(s.events.size() >= 10);
                                 ++read;
                             }));
    {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return is_held; });
    }
    std::size_t committed = 0;
    for (int i = 0; i < 50; ++i) {
        error_code ec;
        auto e = publication::make("a", made("new"), {}, ec);
        f.events->append(pending_publication(std::move(e)),
                         append_handler(f.io.get_executor(), [&](error_code why, position) {
                             CHECK_FALSE(why);
                             CHECK(read == 0);
                             ++committed;
                         }));
    }
    const bool ended = run_io_until(
        f.io, [&] { return committed == 50; }, std::chrono::seconds(20));
    set(true);
    CHECK(ended);
    CHECK(run_io_until(f.io, [&] { return read == 1000; }));
}

}  // namespace

}  // namespace tidings::test
