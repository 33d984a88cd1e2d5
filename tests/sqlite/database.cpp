// SPDX-License-Identifier: BSL-1.0
#include "support/power_vfs.hpp"
#include "support/sqlite_bed.hpp"

#include <tidings/store/sqlite/impl/opening.hpp>
#include <tidings/store/sqlite/impl/schema.hpp>
#include <tidings/store/sqlite/table.hpp>

#include <sqlite3.h>
#include <sys/stat.h>
#include <fstream>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
namespace files = std::filesystem;

error_code open_error(const sqlite::database_options& o) {
    net::io_context io;
    error_code ec;
    const sqlite::database db(io.get_executor(), o, ec);
    CHECK(db.status() == (ec ? make_error_code(errc::closed) : error_code()));
    return ec;
}

std::string bytes_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void write(const std::string& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

/// Runs statements on a file by a connection of the test's own.
void edit(const std::string& path, const char* sql) {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    const int code = sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
    sqlite3_close(db);
    REQUIRE(code == SQLITE_OK);
}

/// A file with so many events of a kilobyte.
void fill(const sqlite::database_options& o, int events) {
    stored_history f(o);
    for (int i = 0; i < events; ++i) f.add("a", std::to_string(i) + std::string(1000, 'x'));
}

/// Overwrites the middle of the file.
void damage(const std::string& path) {
    auto bytes = bytes_of(path);
    REQUIRE(bytes.size() > 20 * 4096);
    for (auto i = 4 * 4096u; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7);
    write(path, bytes);
}

TEST_CASE("a file of another program is refused and not touched", "[sqlite]") {
    const temporary_folder folder;
    const auto path = folder.file("store.db");
    SECTION("of SQLite") {
        edit(path,
             "PRAGMA journal_mode=WAL; CREATE TABLE theirs (x); INSERT INTO theirs VALUES(1)");
    }
    SECTION("of any kind") {
        write(path, "what somebody wrote, longer than a header of a hundred bytes: " +
                        std::string(100, '.'));
    }
    SECTION("that is short") {
        write(path, "x");
    }
    const auto before = bytes_of(path);
    auto o = store_options(path);
    o.damaged = sqlite::on_damaged::set_aside;
    CHECK(open_error(o) == errc::store_foreign);
    CHECK(bytes_of(path) == before);
    CHECK_FALSE(files::exists(path + "-wal"));
    CHECK_THROWS_AS(stored_history(o), boost::system::system_error);
}

TEST_CASE("what was left of the making of a file is removed", "[sqlite]") {
    const temporary_folder folder;
    const auto o = store_options(folder.file("store.db"));
    const auto part = o.path + ".making";
    texts held;
    SECTION("before it had its name") {
        fill(store_options(part), 3);
        write(part + "-journal", "x");
    }
    SECTION("where it has its name") {
        fill(o, 1);
        held = stored_history(o).read_all();
        files::create_hard_link(o.path, part);
        write(part + "-wal", "x");
    }
    SECTION("where an empty file has that") {
        write(o.path, "");
        write(part, "x");
    }
    stored_history f(o);
    CHECK(f.read_all() == held);
    f.add("a", "1");
    for (const char* beside : {"", "-journal", "-wal", "-shm"})
        CHECK_FALSE(files::exists(part + beside));
}

/// A file with its log as they are while it is open, copied to `to`.
void copy_open(const temporary_folder& from, const std::string& to) {
    const auto o = store_options(from.file("open.db"));
    stored_history f(o);
    for (int i = 0; i < 100; ++i) f.add("a", std::to_string(i) + std::string(1000, 'x'));
    files::copy_file(o.path, to);
    files::copy_file(o.path + "-wal", to + "-wal");
    REQUIRE(files::file_size(to + "-wal") > 100'000);
}

TEST_CASE("the log of a file that is gone is no log of the new one", "[sqlite]") {
    const temporary_folder folder;
    const auto o = store_options(folder.file("store.db"));
    copy_open(folder, o.path);
    SECTION("where there is none") {
        files::remove(o.path);
    }
    SECTION("where there is one without a byte") {
        write(o.path, "");
    }
    stored_history f(o);
    CHECK(f.read({}).events.empty());
    f.add("a", "1");
    CHECK(f.read({}).events.size() == 1);
}

TEST_CASE("a header that a cut in a checkpoint has spoiled is read from the log", "[sqlite]") {
    const temporary_folder folder;
    const auto o = store_options(folder.file("store.db"));
    copy_open(folder, o.path);
    auto bytes = bytes_of(o.path);
    bytes.replace(0, 512, std::string(512, '#'));
    write(o.path, bytes);
    SECTION("which has it") {
        CHECK(stored_history(o).read({}).events.size() == 100);
    }
    SECTION("and without a log the file may be anybody's") {
        files::remove(o.path + "-wal");
        CHECK(open_error(o) == errc::store_foreign);
        CHECK(bytes_of(o.path) == bytes);
    }
    SECTION("and with something else for a log, too") {
        write(o.path + "-wal", "what somebody wrote");
        CHECK(open_error(o) == errc::store_foreign);
        CHECK(bytes_of(o.path) == bytes);
        CHECK(bytes_of(o.path + "-wal") == "what somebody wrote");
    }
}

TEST_CASE("all names that lead to a file are names of one", "[sqlite]") {
    const temporary_folder folder;
    files::create_directory(folder.file("there"));
    files::create_symlink("there/store.db", folder.file("link.db"));
    files::create_symlink(folder.file("link.db"), folder.file("second.db"));
    stored_history f(store_options(folder.file("second.db")));
    f.add("a", "1");
    CHECK(files::is_symlink(folder.file("link.db")));
    CHECK(files::exists(folder.file("there/store.db-wal")));
    CHECK(open_error(store_options(folder.file("link.db"))) == errc::store_in_use);
    CHECK(open_error(store_options(folder.file("there/store.db"))) == errc::store_in_use);
    f.close();
    stored_history again(store_options(folder.file("there/store.db")));
    CHECK(again.read({}).events.size() == 1);
}

TEST_CASE("a file of a newer schema is refused", "[sqlite]") {
    const temporary_folder folder;
    const auto o = store_options(folder.file("store.db"));
    fill(o, 1);
    const auto newer = sqlite::detail::schema_version + 1;
    edit(o.path, ("PRAGMA user_version=" + std::to_string(newer)).c_str());
    const auto before = bytes_of(o.path);
    CHECK(open_error(o) == errc::store_newer);
    CHECK(bytes_of(o.path) == before);
}

TEST_CASE("a file is migrated in one transaction, after a copy was made", "[sqlite]") {
    namespace d = sqlite::detail;
    const temporary_folder folder;
    const auto path = folder.file("store.db");
    write(path, "");
    d::connection c(path, "");
    d::create_schema(c);
    c.execute("CREATE TABLE of_one (x); PRAGMA user_version=1");
    const d::migration steps[] = {
        [](d::connection& to) { to.execute("CREATE TABLE of_two (x)"); },
        [](d::connection& to) { to.execute("CREATE TABLE of_three (x)"); },
    };
    const d::migration failing[] = {
        steps[0], [](d::connection& to) { to.execute("CREATE TABLE of_two (x)"); }};
    CHECK_THROWS_AS(d::migrate(c, 1, failing, folder.file("first")), d::failure);
    CHECK(d::version_of(c) == 1);
    CHECK(c.number("SELECT count(*) FROM sqlite_master WHERE name = 'of_two'") == 0);
    d::migrate(c, 1, steps, folder.file("second"));
    CHECK(d::version_of(c) == 3);
    CHECK(c.number("SELECT count(*) FROM sqlite_master WHERE name LIKE 'of\\_t%' ESCAPE '\\'") ==
          2);
    d::connection copy(folder.file("second"), "");
    CHECK(d::version_of(copy) == 1);
    CHECK(copy.number("SELECT count(*) FROM sqlite_master WHERE name LIKE 'of\\_%' ESCAPE '\\'") ==
          1);
    CHECK_FALSE(files::exists(folder.file("second.making")));
    // A migration that was cut off is begun again: its copy stays, half of one does not.
    c.execute("DROP TABLE of_three; PRAGMA user_version=2");
    write(folder.file("second.making"), "half");
    const auto kept = bytes_of(folder.file("second"));
    d::migrate(c, 2, steps, folder.file("second"));
    CHECK(d::version_of(c) == 3);
    CHECK(bytes_of(folder.file("second")) == kept);
    CHECK_FALSE(files::exists(folder.file("second.making")));
    d::connection again(folder.file("second-2"), "");
    CHECK(d::version_of(again) == 2);
    d::migrate(c, 3, steps, folder.file("third"));  // nothing to do
    CHECK_FALSE(files::exists(folder.file("third")));
}

TEST_CASE("a damaged file is refused, or set aside where that is wanted", "[sqlite]") {
    const temporary_folder folder;
    auto o = store_options(folder.file("store.db"));
    fill(o, 100);
    damage(o.path);
    write(o.path + "-wal", "");
    const auto before = bytes_of(o.path);
    CHECK(open_error(o) == errc::store_damaged);
    CHECK(bytes_of(o.path) == before);

    std::vector<std::string> logged;
    o.log = [&](const log_record& r) { logged.push_back(std::string(r.message)); };
    o.damaged = sqlite::on_damaged::set_aside;
    {
        stored_history f(o);
        CHECK(f.db->set_aside() == o.path + ".damaged-1");
        CHECK(bytes_of(f.db->set_aside()) == before);
        CHECK(files::exists(o.path + ".damaged-1-wal"));
        CHECK(logged.size() == 1);
        CHECK(f.read({}).events.empty());
        f.add("a", "1");
    }
    stored_history f(o);
    CHECK(f.read({}).events.size() == 1);
    CHECK(f.db->set_aside() == o.path + ".damaged-1");
    files::rename(o.path + ".damaged-1", folder.file("looked_at"));
    CHECK(f.db->set_aside().empty());
}

TEST_CASE("what the system refuses is no damage", "[sqlite]") {
    const temporary_folder folder;
    auto o = store_options(folder.file("none/store.db"));
    o.damaged = sqlite::on_damaged::set_aside;
    CHECK(open_error(o) == boost::system::errc::no_such_file_or_directory);
    o.path = folder.file("folder");
    files::create_directory(o.path);
    CHECK(open_error(o) == boost::system::errc::is_a_directory);
    CHECK(files::is_directory(o.path));
}

TEST_CASE("a file that cannot be read now is not damaged", "[sqlite]") {
    power_vfs vfs;
    const temporary_folder folder;
    auto o = store_options(folder.file("store.db"));
    fill(o, 100);
    o.vfs = power_vfs::name;
    o.damaged = sqlite::on_damaged::set_aside;
    bool was_whole = false;
    std::size_t failures = 0;
    for (std::size_t nth = 1; !was_whole && nth < 500; ++nth) {
        INFO("read " << nth);
        vfs.fail_from(nth, power_vfs::fault::failed_read);
        const auto ec = open_error(o);
        was_whole = !vfs.has_failed();
        vfs.fail_from(0, power_vfs::fault::none);
        CHECK(ec == (was_whole ? error_code() : make_error_code(errc::store_failed)));
        REQUIRE_FALSE(files::exists(o.path + ".damaged-1"));
        if (!was_whole) ++failures;
    }
    CHECK(was_whole);
    CHECK(failures > 10);
    stored_history f(o);
    CHECK(f.read_all().size() == 100);
}

TEST_CASE("a file that another program holds is in use, and not damaged", "[sqlite]") {
    const temporary_folder folder;
    auto o = store_options(folder.file("store.db"));
    fill(o, 1);
    o.damaged = sqlite::on_damaged::set_aside;
    sqlite::detail::connection theirs(o.path, "");
    theirs.execute("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT");
    CHECK(open_error(o) == errc::store_in_use);
    CHECK_FALSE(files::exists(o.path + ".damaged-1"));
}

TEST_CASE("options that cannot be are refused", "[sqlite]") {
    const temporary_folder folder;
    net::io_context io;
    CHECK_THROWS_AS(sqlite::database(io, {}), std::invalid_argument);
    auto o = store_options(folder.file("store.db"));
    o.max_wal_bytes = 1;
    CHECK_THROWS_AS(sqlite::database(io, o), std::invalid_argument);
    o = store_options(folder.file("store.db"));
    sqlite::database db(io, o);
    CHECK_THROWS_AS(sqlite::make_history(db, {{.pattern = "a..b"}}), std::invalid_argument);
    const auto one = sqlite::make_history(db, {});
    CHECK_THROWS_AS(sqlite::make_history(db, {}), std::invalid_argument);
}

TEST_CASE("one opening at a time has the file, and releases it when it is closed",
          "[sqlite][threads]") {
    const temporary_folder folder;
    auto o = store_options(folder.file("store.db"));
    net::io_context io;
    std::optional<sqlite::database> first(std::in_place, io, o);
    CHECK(open_error(o) == errc::store_in_use);
    o.open_timeout = 20ms;
    CHECK(open_error(o) == errc::store_in_use);
    CHECK_FALSE(first->status());
    first->close();
    CHECK(first->status() == errc::closed);
    CHECK_FALSE(open_error(o));
    CHECK(wait_for([&](auto h) { first->async_drain(std::move(h)); }) == errc::closed);
    auto moved = std::move(*first);
    CHECK(first->status() == errc::closed);
    CHECK(wait_for([&](auto h) { first->async_drain(std::move(h)); }) == errc::closed);
    CHECK(wait_for([&](auto h) { first->async_backup("x", std::move(h)); }) == errc::closed);
}

TEST_CASE("the file and what lies beside it are its owner's alone", "[sqlite]") {
    const temporary_folder folder;
    const auto old = ::umask(0);
    stored_history f(store_options(folder.file("store.db")));
    f.add("a", "1");
    CHECK_FALSE(wait_for([&](auto h) { f.db->async_backup(folder.file("copy"), h); }));
    ::umask(old);
    int seen = 0;
    for (const auto& entry : files::directory_iterator(folder.path())) {
        INFO(entry.path());
        CHECK((entry.status().permissions() & files::perms::all) ==
              (files::perms::owner_read | files::perms::owner_write));
        ++seen;
    }
    CHECK(seen == 5);  // file, -wal, -shm, .lock, copy
}

TEST_CASE("a backup is a whole file, and never takes the place of another", "[sqlite][threads]") {
    const temporary_folder folder;
    stored_history f(store_options(folder.file("store.db")));
    f.add("a", "1");
    write(folder.file("copy"), "theirs");
    const auto back_up = [&](const std::string& to) {
        return wait_for([&](auto h) { f.db->async_backup(to, std::move(h)); });
    };
    CHECK(back_up(folder.file("copy")) == boost::system::errc::file_exists);
    CHECK(bytes_of(folder.file("copy")) == "theirs");
    CHECK_FALSE(files::exists(folder.file("copy.part")));
    CHECK(back_up(folder.file("none/copy")) == boost::system::errc::no_such_file_or_directory);
    CHECK_FALSE(back_up(folder.file("second")));
    f.add("a", "2");
    stored_history copy(store_options(folder.file("second")));
    CHECK(show(copy.read({}).events) == texts{"a=1"});
}

TEST_CASE("while the disk is low nothing new is taken, and what is there can be used", "[sqlite]") {
    const temporary_folder folder;
    auto o = store_options(folder.file("store.db"));
    fill(o, 3);
    o.min_free_bytes = std::numeric_limits<std::size_t>::max();
    o.cache_bytes = 0;
    stored_history f(o);
    const auto rows = sqlite::make_table(*f.db, "rows");
    CHECK(f.append("a", made("4")).first == errc::store_full);
    std::optional<error_code> put;
    rows->async_put("k", "v", 0,
                    net::bind_executor(f.io, [&](error_code ec, std::uint64_t) { put = ec; }));
    REQUIRE(run_io_until(f.io, [&] { return put.has_value(); }));
    CHECK(*put == errc::store_full);
    CHECK(wait_for([&](auto h) { rows->async_erase("k", 0, std::move(h)); }) == errc::not_found);
    CHECK(f.read({}).events.size() == 3);
    CHECK_FALSE(f.db->status());
}

TEST_CASE("what waits for its commit is bounded in bytes", "[sqlite][threads]") {
    const temporary_folder folder;
    auto o = store_options(folder.file("store.db"));
    o.max_pending_bytes = 10'000;
    stored_history f(o);
    std::vector<error_code> ended;
    const event_ptr large = [] {
        error_code ec;
        return publication::make("a", made(std::string(6'000, 'x')), {}, ec);
    }();
    // A callback on the writing thread lets three more come while that is busy.
    struct listener final : history_listener {
        explicit listener(std::function<void()> f) : then(std::move(f)) {}
        void on_committed(const event_ptr&) noexcept override {
            if (then) std::exchange(then, {})();
        }
        void on_append_failed(const event_ptr&, error_code) noexcept override {}
        std::function<void()> then;
    } more([&] {
        for (int i = 0; i < 3; ++i) {
            error_code ec;
            auto e = publication::make("a", large, {}, ec);
            ended.push_back(f.events->append(pending_publication(std::move(e)), {}).error);
        }
    });
    f.events->listen(more);
    f.add("a", "first");
    CHECK_FALSE(drain(*f.db));
    f.events->unlisten(more);
    REQUIRE(ended.size() == 3);
    CHECK_FALSE(ended[0]);
    CHECK(ended[1] == errc::overflow);
    CHECK(ended[2] == errc::overflow);
    CHECK(f.read({}).events.size() == 2);
}

TEST_CASE("file and log stay within bounds, and shrink when they are emptied", "[sqlite]") {
    const temporary_folder folder;
    auto o = store_options(folder.file("store.db"));
    o.max_wal_bytes = 8 << 20;
    constexpr std::size_t held = 4 << 20;
    stored_history f(o, {{.pattern = ">", .max_events = 1'000'000, .max_bytes = held}});
    const std::string text(4'000, 'x');
    std::uintmax_t largest_file = 0;
    std::uintmax_t largest_log = 0;
    for (int i = 0; i < 4'000; ++i) {
        error_code ec;
        f.events->append(pending_publication(publication::make("a", made(text), {}, ec)), {});
        if (i % 200 != 0) continue;
        CHECK_FALSE(drain(*f.db));
        largest_file = std::max(largest_file, files::file_size(o.path));
        largest_log = std::max(largest_log, files::file_size(o.path + "-wal"));
    }
    CHECK(largest_file <= held + held / 2);
    CHECK(largest_log <= o.max_wal_bytes);
    f.close();

    stored_history small(o, {{.pattern = ">", .max_events = 10}});
    CHECK_FALSE(drain(*small.db));
    small.add("a", "1");
    CHECK_FALSE(drain(*small.db));
    CHECK(small.read({}).events.size() == 10);
    CHECK(small.db->sizes().file == files::file_size(o.path));
    small.close();
    CHECK(files::file_size(o.path) < held / 4);
}

TEST_CASE("a backup is of one moment while writes go on", "[sqlite][threads]") {
    const temporary_folder folder;
    stored_history f(store_options(folder.file("store.db")), 100'000);
    const auto publish = [&](int from, int to) {
        for (int i = from; i < to; ++i) {
            error_code ec;
            f.events->append(
                pending_publication(publication::make("a", made(std::to_string(i)), {}, ec)), {});
        }
    };
    publish(0, 2'000);
    CHECK_FALSE(drain(*f.db));
    std::optional<error_code> ended;
    f.db->async_backup(folder.file("copy"),
                       net::bind_executor(f.io, [&](error_code ec) { ended = ec; }));
    int next = 2'000;
    while (!ended) {
        publish(next, next + 50);
        next += 50;
        CHECK_FALSE(drain(*f.db));
        f.read({}, 10);
        f.io.restart();
        f.io.poll();
    }
    CHECK_FALSE(*ended);
    stored_history copy(store_options(folder.file("copy")), 100'000);
    const auto all = copy.read_all();
    CHECK(all.size() >= 2'000);
    for (std::size_t i = 0; i < all.size(); ++i)
        if (all[i] != "a=" + std::to_string(i)) FAIL("not of one moment");
    CHECK(f.events->head().number() == static_cast<std::uint64_t>(next));
}

TEST_CASE("bodies that are the same are stored once", "[sqlite]") {
    const temporary_folder folder;
    const auto path = folder.file("store.db");
    stored_history f(store_options(path), 3);
    for (const char* text : {"same", "same", "other", "same"}) f.add("a", text);
    f.close();
    sqlite::detail::connection c(path, "");
    CHECK(c.number("SELECT count(*) FROM bodies") == 2);
    CHECK(c.number("SELECT uses FROM bodies WHERE bytes = CAST('same' AS BLOB)") == 2);
    CHECK(c.number("SELECT uses FROM bodies WHERE bytes = CAST('other' AS BLOB)") == 1);
}

}  // namespace

}  // namespace tidings::test
