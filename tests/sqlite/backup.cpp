// SPDX-License-Identifier: BSL-1.0
#include "support/outbox_bed.hpp"
#include "support/power_vfs.hpp"
#include "support/sqlite_bed.hpp"

#include <tidings/store/sqlite/impl/database_state.hpp>
#include <tidings/store/sqlite/impl/schema.hpp>
#include <tidings/store/sqlite/outbox.hpp>

#include <condition_variable>
#include <fstream>
#include <limits>
#include <mutex>
#include <set>

namespace tidings::test {

namespace {

namespace files = std::filesystem;

/// A history of so many events of a kilobyte, appended without waiting for each.
void fill(stored_history& f, int events) {
    for (int i = 0; i < events; ++i) {
        error_code ec;
        auto e = publication::make("a", made(std::to_string(i) + std::string(1'000, 'x')), {}, ec);
        f.events->append(pending_publication(std::move(e)), {});
    }
    CHECK_FALSE(drain(*f.db));
}

error_code back_up(stored_history& f, const std::string& to) {
    return wait_for([&](auto h) { f.db->async_backup(to, std::move(h)); });
}

TEST_CASE("two backups at once are made one behind the other", "[sqlite][threads]") {
    const temporary_folder folder;
    stored_history f(store_options(folder.file("store.db")), 10'000);
    fill(f, 3'000);
    std::vector<std::string> ended;
    for (const std::string name : {"first", "second"})
        f.db->async_backup(folder.file(name), net::bind_executor(f.io, [&, name](error_code ec) {
                               ended.push_back(ec ? ec.message() : name);
                           }));
    REQUIRE(run_io_until(f.io, [&] { return ended.size() == 2; }));
    CHECK(ended == std::vector<std::string>{"first", "second"});
    const auto all = f.read_all();
    for (const char* name : {"first", "second"})
        CHECK(stored_history(store_options(folder.file(name)), 10'000).read_all() == all);
}

TEST_CASE("a backup ends when the database is closed", "[sqlite][threads]") {
    const temporary_folder folder;
    stored_history f(store_options(folder.file("store.db")), 10'000);
    fill(f, 1'000);
    std::vector<error_code> ended;
    for (const char* name : {"first", "second"})
        f.db->async_backup(folder.file(name),
                           net::bind_executor(f.io, [&](error_code ec) { ended.push_back(ec); }));
    f.close();
    REQUIRE(run_io_until(f.io, [&] { return ended.size() == 2; }));
    for (const auto& ec : ended) CHECK((!ec || ec == errc::closed));
    CHECK_FALSE(files::exists(folder.file("first.part")));
    CHECK_FALSE(files::exists(folder.file("second.part")));
}

TEST_CASE("a backup that would fill the disk is refused, and the store goes on", "[sqlite]") {
    const temporary_folder folder;
    auto o = store_options(folder.file("store.db"));
    {
        stored_history f(o);
        fill(f, 10);
    }
    o.min_free_bytes = std::numeric_limits<std::size_t>::max();
    stored_history f(o);
    CHECK(back_up(f, folder.file("copy")) == errc::store_full);
    CHECK_FALSE(files::exists(folder.file("copy")));
    CHECK_FALSE(files::exists(folder.file("copy.part")));
    CHECK_FALSE(f.db->status());
    CHECK(f.read_all().size() == 10);
}

/// A backup that is held in the middle of its copy, where the reading thread serves reads.
class held_backup {
 public:
    held_backup(sqlite::database& db, std::string to, std::function<void(error_code)> done) {
        auto& reading = db.state()->reading();
        // What this job starts begins behind it, the backup first.
        const auto ec = reading.post_long([&, to = std::move(to), done](auto*) {
            db.async_backup(to, done);
            CHECK_FALSE(reading.post([this](auto*) { hold(); }));
        });
        REQUIRE_FALSE(ec);
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return is_held_; });
    }
    ~held_backup() { let_go(); }
    held_backup(const held_backup&) = delete;
    held_backup& operator=(const held_backup&) = delete;

    void let_go() {
        const std::lock_guard lock(mutex_);
        may_go_ = true;
        changed_.notify_all();
    }

 private:
    void hold() {
        std::unique_lock lock(mutex_);
        is_held_ = true;
        changed_.notify_all();
        changed_.wait(lock, [this] { return may_go_; });
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_held_ = false;
    bool may_go_ = false;
};

TEST_CASE("a backup during which thousands of appends are committed is of one moment",
          "[sqlite][threads]") {
    constexpr int before = 500;
    constexpr int meanwhile = 2'000;
    const temporary_folder folder;
    const auto copy = store_options(folder.file("copy"));
    stored_history f(store_options(folder.file("store.db")), 10'000);
    outbox_bed owed(
        {"sqlite", [&](store::outbox_options o) { return sqlite::make_outbox(*f.db, o); }});
    int next_owed = 0;
    const auto owe = [&](int count) {
        std::vector<store::outbox_entry> entries;
        for (int i = 0; i < count; ++i)
            entries.push_back(outbox_bed::entry("e", std::to_string(next_owed++)));
        CHECK_FALSE(owed.try_append(std::move(entries)));
    };
    fill(f, before);
    owe(before);
    const auto then = f.read_all();
    std::optional<error_code> ended;
    held_backup held(*f.db, copy.path, [&](error_code ec) { ended = ec; });
    int committed = 0;
    for (int begun = 0; committed < meanwhile;) {
        for (; begun < meanwhile && begun < committed + 64; ++begun) {
            error_code ec;
            auto e = publication::make("a", made(std::to_string(begun)), {}, ec);
            f.events->append(pending_publication(std::move(e)),
                             append_handler(f.io.get_executor(), [&](error_code why, position) {
                                 CHECK_FALSE(why);
                                 ++committed;
                             }));
        }
        owe(16);
        REQUIRE(run_io_until(f.io, [&] { return committed == begun; }));
    }
    CHECK_FALSE(ended);
    held.let_go();
    REQUIRE(run_io_until(f.io, [&] { return ended.has_value(); }));
    CHECK_FALSE(*ended);
    CHECK(f.read_all().size() == before + meanwhile);
    CHECK(sqlite::detail::connection(copy.path, "").text("PRAGMA integrity_check") == "ok");

    stored_history restored(copy, 10'000);
    CHECK(restored.read_all() == then);
    outbox_bed rows(
        {"sqlite", [&](store::outbox_options o) { return sqlite::make_outbox(*restored.db, o); }});
    const auto ids = rows.listed_ids({.max_entries = 100'000});
    CHECK(ids.size() == before);
    CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == ids.size());
}

TEST_CASE("a backup whose disk fills up in the middle leaves nothing, and the store goes on",
          "[sqlite][threads]") {
    power_vfs vfs;
    const temporary_folder folder;
    auto o = store_options(folder.file("store.db"));
    o.vfs = power_vfs::name;
    stored_history f(o);
    fill(f, 200);
    std::size_t refused = 0;
    bool was_whole = false;
    bool was_full = false;
    for (std::size_t nth = 1; !was_whole && nth < 10'000; nth += 1 + nth / 3) {
        INFO("write " << nth);
        vfs.fail_from(nth, power_vfs::fault::full);
        const auto ec = back_up(f, folder.file("copy"));
        vfs.fail_from(0, power_vfs::fault::none);
        was_whole = !ec;
        CHECK_FALSE(files::exists(folder.file("copy.part")));
        CHECK(files::exists(folder.file("copy")) == was_whole);
        if (was_whole) break;
        ++refused;
        // A sync that fails does not say why.
        CHECK((ec == errc::store_full || ec == errc::store_failed));
        if (ec == errc::store_full) was_full = true;
        CHECK_FALSE(f.db->status());
        f.add("a", "1");
    }
    CHECK(was_whole);
    CHECK(was_full);
    CHECK(refused > 5);
    CHECK(f.read_all().size() == 200 + refused);
    CHECK(stored_history(store_options(folder.file("copy"))).read_all() == f.read_all());
}

TEST_CASE("a backup that is put in the place of its file is not mixed with the log there",
          "[sqlite]") {
    const temporary_folder folder;
    const auto o = store_options(folder.file("store.db"));
    texts held;
    {
        stored_history f(o);
        fill(f, 50);
        held = f.read_all();
        REQUIRE_FALSE(back_up(f, folder.file("copy")));
        fill(f, 100);
        // As a process that was killed leaves it.
        files::copy_file(o.path + "-wal", folder.file("log"));
        REQUIRE(files::file_size(folder.file("log")) > 100'000);
    }
    files::remove(o.path);
    files::rename(folder.file("copy"), o.path);
    files::rename(folder.file("log"), o.path + "-wal");
    stored_history restored(o);
    CHECK(restored.read_all() == held);
}

TEST_CASE("a copy that cannot be made before a migration is no damage and no lock", "[sqlite]") {
    namespace d = sqlite::detail;
    const temporary_folder folder;
    const auto path = folder.file("store.db");
    { std::ofstream made(path); }
    d::connection c(path, "");
    d::create_schema(c);
    c.execute("PRAGMA user_version=1");
    const d::migration steps[] = {[](d::connection& to) { to.execute("CREATE TABLE two (x)"); }};
    try {
        d::migrate(c, 1, steps, folder.file("none/copy"));
        FAIL("it was made");
    } catch (const d::failure& e) {
        constexpr int sqlite_ioerr = 10;
        CHECK(e.code() == sqlite_ioerr);
    }
}

}  // namespace

}  // namespace tidings::test
