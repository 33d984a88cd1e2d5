// SPDX-License-Identifier: BSL-1.0
#include "support/power_vfs.hpp"
#include "support/sqlite_bed.hpp"

#include <tidings/store/sqlite/table.hpp>

#include <atomic>

namespace tidings::test {

namespace {

using sqlite::durability;

sqlite::database_options power_options(const temporary_folder& f, durability d) {
    auto o = store_options(f.file("store.db"));
    o.durable = d;
    o.vfs = power_vfs::name;
    return o;
}

/// What a power cut at one moment leaves, and how many events had completed by then.
struct cut {
    power_vfs::disk disk;
    int completed;
};

constexpr int program_length = 3;

/// Events that complete one after the other, until one fails.
template <class OnComplete>
void run_program(stored_history& f, OnComplete completed) {
    for (int i = 0; i < program_length; ++i) {
        if (f.append("a", made(std::to_string(i))).first) return;
        completed();
    }
}

bool can_be_opened(const sqlite::database_options& o) {
    net::io_context io;
    error_code ec;
    const sqlite::database db(io.get_executor(), o, ec);
    CHECK_FALSE(ec);
    return !ec;
}

TEST_CASE("what completed under `power` is there after a power cut at any sync", "[sqlite]") {
    power_vfs vfs;
    const temporary_folder folder;
    std::atomic<int> completed{0};
    std::vector<cut> cuts;  // before and behind each sync: of the making, too
    vfs.on_sync([&](const power_vfs::disk& d) { cuts.push_back({d, completed}); });
    position first;
    {
        stored_history f(power_options(folder, durability::power));
        first = f.events->head();
        run_program(f, [&] { ++completed; });
        CHECK(completed == program_length);
    }
    vfs.on_sync({});
    REQUIRE(cuts.size() > 10);
    for (std::size_t i = 0; i < cuts.size(); ++i) {
        INFO("cut " << i << " of " << cuts.size());
        const temporary_folder left;
        power_vfs::restore(cuts[i].disk, left.path().string());
        const auto o = power_options(left, durability::power);
        if (!can_be_opened(o)) continue;
        stored_history after(o);
        CHECK_FALSE(std::filesystem::exists(o.path + ".making"));
        const auto all = after.read_all();
        CHECK(all.size() >= static_cast<std::size_t>(cuts[i].completed));
        for (std::size_t n = 0; n < all.size(); ++n) CHECK(all[n] == "a=" + std::to_string(n));
        if (cuts[i].completed == 0) continue;
        CHECK_FALSE(after.read(position(0, 0)).events.empty());
        CHECK_FALSE(after.read(first).gap);
    }
}

TEST_CASE("a file is synced when it is made, and behind that as its durability says", "[sqlite]") {
    const auto how = GENERATE(durability::memory, durability::process, durability::power);
    power_vfs vfs;
    const temporary_folder folder;
    stored_history f(power_options(folder, how));
    const auto made_by = vfs.syncs();
    CHECK(made_by > 0);
    for (const char* text : {"1", "2", "3"}) f.add("a", text);
    CHECK_FALSE(drain(*f.db));
    const auto committed_by = vfs.syncs();
    CHECK((committed_by >= made_by + 3) == (how == durability::power));
    if (how != durability::power) CHECK(committed_by == made_by);
    f.close();
    CHECK((vfs.syncs() == made_by) == (how == durability::memory));
}

TEST_CASE("an unsynced tail that is lost under `process` is a gap, never silence", "[sqlite]") {
    power_vfs vfs;
    const temporary_folder folder;
    power_vfs::disk left;
    std::vector<position> given;
    {
        stored_history f(power_options(folder, durability::process));
        CHECK_FALSE(drain(*f.db));
        for (int i = 0; i < 3; ++i) given.push_back(f.add("a", std::to_string(i)));
        left = vfs.synced();
    }
    const temporary_folder after;
    power_vfs::restore(left, after.path().string());
    stored_history f(store_options(after.file("store.db")));
    CHECK(f.read_all().empty());
    for (const auto& p : given) CHECK(f.read(p).gap);
    const auto next = f.add("a", "again");
    for (const auto& p : given) {
        CHECK_FALSE(next == p);
        CHECK(f.read(p).gap);
        CHECK(show(f.read(p).events) == texts{"a=again"});
    }
}

/// After a call that failed: the disk is well again, and that changes nothing.
void check_failed(stored_history& f, const std::string& copy) {
    CHECK(f.db->status() == errc::store_failed);
    CHECK(f.append("a", made("later")).first == errc::store_failed);
    CHECK(f.try_read({}).first == errc::store_failed);
    CHECK(drain(*f.db) == errc::store_failed);
    CHECK(wait_for([&](auto h) { f.db->async_backup(copy, h); }) == errc::store_failed);
}

// The calls of the commits, and those of the checkpoint at the end.
TEST_CASE("after a write or sync that fails nothing is tried again", "[sqlite][threads]") {
    const auto how =
        GENERATE(power_vfs::fault::io_error, power_vfs::fault::full, power_vfs::fault::failed_sync);
    power_vfs vfs;
    bool was_whole = false;
    std::size_t in_commits = 0;
    std::size_t in_checkpoint = 0;
    const temporary_folder first;
    const auto whole = power_options(first, durability::power);
    CHECK(can_be_opened(whole));
    for (std::size_t nth = 1; !was_whole && nth < 200; ++nth) {
        INFO("call " << nth);
        const temporary_folder folder;
        auto o = power_options(folder, durability::power);
        std::filesystem::copy_file(whole.path, o.path);
        std::atomic<std::size_t> logged{0};
        o.log = [&](const log_record&) { ++logged; };
        std::size_t completed = 0;
        {
            stored_history f(o);
            recording_failures refused;
            f.events->listen(refused);
            vfs.fail_from(nth, how);
            run_program(f, [&] { ++completed; });
            if (vfs.has_failed()) {
                vfs.fail_from(0, power_vfs::fault::none);
                ++in_commits;
                check_failed(f, folder.file("copy"));
                CHECK(logged == 1);
                CHECK(refused.count == 1);
            }
            f.events->unlisten(refused);
            f.close();
            was_whole = logged == 0;
            if (vfs.has_failed()) ++in_checkpoint;
        }
        CHECK(logged <= 1);
        vfs.fail_from(0, power_vfs::fault::none);
        stored_history f(o);
        const auto all = f.read_all();
        CHECK(all.size() >= completed);
        for (std::size_t n = 0; n < all.size(); ++n) CHECK(all[n] == "a=" + std::to_string(n));
    }
    CHECK(was_whole);
    CHECK(in_commits > 0);
    CHECK(in_checkpoint > 0);
}

TEST_CASE("a disk that fails while the file is made leaves nothing that cannot be opened",
          "[sqlite]") {
    const auto how =
        GENERATE(power_vfs::fault::io_error, power_vfs::fault::full, power_vfs::fault::failed_sync);
    power_vfs vfs;
    bool was_whole = false;
    for (std::size_t nth = 1; !was_whole && nth < 200; ++nth) {
        INFO("call " << nth);
        const temporary_folder folder;
        auto o = power_options(folder, durability::power);
        vfs.fail_from(nth, how);
        net::io_context io;
        error_code ec;
        std::optional<sqlite::database> db(std::in_place, io.get_executor(), o, ec);
        was_whole = !vfs.has_failed();
        CHECK((ec == errc::store_failed) == !was_whole);
        db.reset();
        vfs.fail_from(0, power_vfs::fault::none);
        stored_history f(o);
        f.add("a", "1");
    }
    CHECK(was_whole);
}

}  // namespace

}  // namespace tidings::test
