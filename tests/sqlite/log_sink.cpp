// SPDX-License-Identifier: BSL-1.0
// A log that throws, which it must not, costs its line and nothing else.
#include "support/outbox_bed.hpp"
#include "support/power_vfs.hpp"
#include "support/sqlite_bed.hpp"

#include <tidings/store/sqlite/outbox.hpp>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace tidings::test {

namespace {

struct throwing_log {
    std::atomic<int> lines{0};
    log_sink sink() {
        return [this](const log_record&) {
            ++lines;
            throw std::runtime_error("the log throws");
        };
    }
};

sqlite::database_options options_with(throwing_log& log, const temporary_folder& folder) {
    auto o = store_options(folder.file("store.db"));
    o.vfs = power_vfs::name;
    o.log = log.sink();
    return o;
}

TEST_CASE("a refused rewriting whose log throws does not end the store", "[sqlite][threads]") {
    power_vfs vfs;
    throwing_log log;
    const temporary_folder folder;
    stored_history f(options_with(log, folder), 10'000);
    outbox_bed owed(
        {"sqlite", [&](store::outbox_options o) { return sqlite::make_outbox(*f.db, o); }});
    // More pages than SQLite has in its cache, so that a temporary file is needed.
    for (int i = 0; i < 3'000; ++i) f.add("a", std::to_string(i) + std::string(1'000, 'x'));
    vfs.on_temporary([] { return false; });
    const auto erase = [&] {
        return wait_for([&](auto h) { owed.of().async_erase("nobody", std::move(h)); });
    };
    CHECK(erase() == errc::store_failed);
    CHECK(log.lines == 1);
    CHECK_FALSE(f.db->status());
    vfs.on_temporary({});
    f.add("a", "1");
    CHECK_FALSE(erase());
    CHECK(log.lines == 1);
}

TEST_CASE("a commit, a backup and a last checkpoint that fail say so although the log throws",
          "[sqlite][threads]") {
    power_vfs vfs;
    throwing_log log;
    const temporary_folder folder;
    stored_history f(options_with(log, folder));
    f.add("a", "1");
    SECTION("a commit") {
        vfs.fail_from(1, power_vfs::fault::io_error);
        CHECK(f.append("a", made("2")).first == errc::store_failed);
        CHECK(f.db->status() == errc::store_failed);
        CHECK(log.lines == 1);
    }
    SECTION("a backup, and the checkpoint at the end") {
        vfs.fail_from(1, power_vfs::fault::io_error);
        CHECK(wait_for([&](auto h) { f.db->async_backup(folder.file("copy"), std::move(h)); }) ==
              errc::store_failed);
        CHECK(log.lines == 1);
        f.close();
        CHECK(log.lines == 2);
    }
}

void fill(const sqlite::database_options& o) {
    stored_history f(o);
    for (int i = 0; i < 100; ++i) f.add("a", std::string(1'000, 'x'));
}

TEST_CASE("a read that fails is answered although the log throws", "[sqlite][threads]") {
    power_vfs vfs;
    throwing_log log;
    const temporary_folder folder;
    const auto o = options_with(log, folder);
    fill(o);
    stored_history f(o);
    vfs.fail_from(1, power_vfs::fault::failed_read);
    CHECK(f.try_read({}).first == errc::history_failed);
    CHECK(log.lines == 1);
    vfs.fail_from(0, power_vfs::fault::none);
    CHECK(f.read_all().size() == 100);
}

TEST_CASE("a damaged file is set aside although the log throws", "[sqlite]") {
    constexpr std::size_t begin = 4 * 4096;
    throwing_log log;
    const temporary_folder folder;
    auto o = store_options(folder.file("store.db"));
    fill(o);
    const auto size = std::filesystem::file_size(o.path);
    REQUIRE(size > 2 * begin);
    std::fstream(o.path, std::ios::in | std::ios::out | std::ios::binary)
        .seekp(begin)
        .write(std::string(size - begin, '\xff').data(), static_cast<long>(size - begin));
    o.damaged = sqlite::on_damaged::set_aside;
    o.log = log.sink();
    stored_history f(o);
    CHECK(log.lines == 1);
    f.add("a", "1");
}

}  // namespace

}  // namespace tidings::test
