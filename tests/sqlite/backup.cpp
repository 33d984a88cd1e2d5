// SPDX-License-Identifier: BSL-1.0
#include "support/sqlite_bed.hpp"

#include <tidings/store/sqlite/impl/connection.hpp>
#include <tidings/store/sqlite/impl/schema.hpp>

#include <fstream>
#include <limits>

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
