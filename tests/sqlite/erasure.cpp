// SPDX-License-Identifier: BSL-1.0
// What an erasure leaves in the pages of a file whose rows were moved, rewritten and taken away.
#include "support/outbox_bed.hpp"
#include "support/power_vfs.hpp"
#include "support/store_folder.hpp"

#include <tidings/store/sqlite/impl/database_state.hpp>
#include <tidings/store/sqlite/outbox.hpp>

#include <sqlite3.h>
#include <array>
#include <fstream>
#include <limits>
#include <random>

namespace tidings::test {

namespace {

using state = outbox_bed::state;
using texts = outbox_bed::texts;

std::string bytes_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// What is read here is what the kernel was given, synced or not.
sqlite::database_options options_in(const temporary_folder& folder) {
    auto o = store_options(folder.file("store.db"));
    o.durable = sqlite::durability::memory;
    return o;
}

/// What a row of an owner has wherever it has text.
std::string mark_of(int owner) {
    return "<owner " + std::to_string(100 + owner) + ">";
}

/// How often that stands in a file and its log.
std::size_t remains_of(int owner, const std::string& path) {
    const auto all = bytes_of(path) + bytes_of(path + "-wal");
    const auto mark = mark_of(owner);
    std::size_t count = 0;
    for (auto at = all.find(mark); at != all.npos; at = all.find(mark, at + 1)) ++count;
    return count;
}

/// An outbox of some owners, with rows of random sizes.
class owners_outbox {
 public:
    static constexpr int owners = 12;

    explicit owners_outbox(sqlite::database_options o) : path_(o.path), db_(io_, std::move(o)) {
        std::vector<store::outbox_endpoint> all(owners);
        for (int n = 0; n < owners; ++n) {
            auto& e = all[static_cast<std::size_t>(n)];
            e.owner = mark_of(n);
            e.id = mark_of(n) + text(n, 100);
            ids_.push_back(e.id);
        }
        rows_.open(std::move(all));
    }

    void append() {
        std::vector<store::outbox_entry> entries;
        for (int i = 0; i < 20; ++i) {
            const auto owner = random(owners - 1);
            entries.push_back(make_entry(static_cast<int>(owner), ids_[owner]));
        }
        CHECK_FALSE(rows_.try_append(std::move(entries)));
    }
    void settle() {
        constexpr std::array outcomes{state::done, state::retry, state::dead, state::retry};
        store::outbox_round r{.now = outbox_bed::at()};
        for (const auto& e : rows_.claim(random(40), 100).entries) {
            const int owner = std::stoi(e.endpoint.substr(7, 3)) - 100;
            const auto outcome = outcomes.at(random(outcomes.size() - 1));
            const auto at = outbox_bed::at(std::chrono::minutes(r.results.size()));
            r.results.push_back({e.key,
                                 outcome,
                                 e.attempts + 1,
                                 outbox_bed::at(),
                                 errc::http_status,
                                 {},
                                 store::outbox_result::attempt_end{at}});
            store::outbox_attempt a;
            a.entry = e.key;
            a.status = 500;
            a.response_head = text(owner, 300);
            a.response_body = text(owner, random(9) == 0 ? 6000 : 400);
            r.attempts.push_back(std::move(a));
        }
        rows_.finish(std::move(r));
    }
    error_code try_erase(int owner) {
        return wait_for([&](auto h) { rows_.of().async_erase(mark_of(owner), std::move(h)); });
    }
    /// Erases owners in one group; what each came to.
    texts erase_together(int count) {
        store_bed bed;
        // What the writing thread starts has the next group together.
        CHECK_FALSE(db_.state()->writing().run_now([&] {
            for (int owner = 0; owner < count; ++owner)
                rows_.of().async_erase(mark_of(owner), bed.note(std::to_string(owner)));
        }));
        return bed.order();
    }
    std::size_t remains_of(int owner) const { return test::remains_of(owner, path_); }
    std::size_t entries_of(int owner) {
        return rows_.list({.endpoint = ids_[static_cast<std::size_t>(owner)]}).size();
    }
    sqlite::database& db() { return db_; }
    store::outbox& rows() { return rows_.of(); }

 private:
    std::size_t random(std::size_t most) {
        return std::uniform_int_distribution<std::size_t>(0, most)(random_);
    }
    /// Marks behind one another, so that a part of a row has one, too.
    std::string text(int owner, std::size_t most) {
        std::string t;
        for (const auto size = random(most); t.size() <= size;) t += mark_of(owner);
        return t;
    }
    store::outbox_entry make_entry(int owner, const std::string& endpoint) {
        const auto number = std::to_string(next_++);
        store::outbox_message m;
        m.source = text(owner, 40);
        m.id = text(owner, 40) + number;
        m.topic = text(owner, 200);
        m.fields = {{"x-owner", text(owner, 300)}};
        m.body =
            std::make_shared<const std::string>(text(owner, random(9) == 0 ? 9000 : 600) + number);
        auto e = outbox_bed::entry(endpoint, text(owner, 60) + number);
        e.message = std::make_shared<const store::outbox_message>(std::move(m));
        return e;
    }

    const std::string path_;
    std::mt19937 random_{20261130};
    net::io_context io_;
    sqlite::database db_;
    outbox_bed rows_{
        {"sqlite", [this](store::outbox_options o) { return sqlite::make_outbox(db_, o); }}};
    std::vector<std::string> ids_;
    int next_ = 0;
};

TEST_CASE("nothing of an owner is left in pages whose rows were moved", "[sqlite][store]") {
    const temporary_folder folder;
    owners_outbox o(options_in(folder));
    for (int owner = 0; owner < owners_outbox::owners; ++owner) {
        INFO("owner " << owner);
        for (int i = 0; i < 6; ++i) {
            o.append();
            o.settle();
        }
        CHECK(o.remains_of(owner) > 0);
        CHECK_FALSE(o.try_erase(owner));
        CHECK(o.remains_of(owner) == 0);
    }
}

TEST_CASE("an erasure that finds no room is made again", "[sqlite][store]") {
    const temporary_folder folder;
    auto options = options_in(folder);
    {
        owners_outbox o(options);
        for (int i = 0; i < 10; ++i) o.append();
        REQUIRE(o.entries_of(0) > 0);
    }
    {
        auto low = options;
        low.min_free_bytes = std::numeric_limits<std::size_t>::max();
        owners_outbox o(low);
        CHECK(o.try_erase(0) == errc::store_full);
        CHECK_FALSE(o.db().status());
        CHECK(o.entries_of(0) == 0);
    }
    owners_outbox o(options);
    CHECK_FALSE(o.try_erase(0));
    CHECK(o.remains_of(0) == 0);
}

TEST_CASE("a disk that fills up while a file is written anew ends no store", "[sqlite][store]") {
    power_vfs vfs;
    std::size_t refused = 0;
    bool was_whole = false;
    for (std::size_t nth = 1; !was_whole && nth < 500; nth += 1 + nth / 4) {
        INFO("write " << nth);
        const temporary_folder folder;
        auto options = options_in(folder);
        options.vfs = power_vfs::name;
        owners_outbox o(options);
        for (int i = 0; i < 2; ++i) o.append();
        REQUIRE_FALSE(drain(o.db()));
        vfs.fail_from(nth, power_vfs::fault::full);
        const auto ec = o.try_erase(0);
        vfs.fail_from(0, power_vfs::fault::none);
        was_whole = !ec;
        if (ec != errc::store_full) continue;
        ++refused;
        CHECK_FALSE(o.db().status());
        CHECK(std::filesystem::file_size(options.path + "-wal") == 0);
        CHECK_FALSE(o.try_erase(0));
        CHECK(o.remains_of(0) == 0);
        o.append();
    }
    CHECK(was_whole);
    CHECK(refused > 3);
}

TEST_CASE("erasures of one group write the file anew once", "[sqlite][store][threads]") {
    const temporary_folder folder;
    const auto options = options_in(folder);
    owners_outbox o(options);
    for (int i = 0; i < 5; ++i) o.append();
    // Each rewriting changes the version of the schema.
    const auto version = [&] {
        return sqlite::detail::connection(options.path, "").number("PRAGMA schema_version");
    };
    const auto before = version();
    CHECK(o.erase_together(3) == texts{"0", "1", "2"});
    CHECK(version() == before + 1);
    for (int owner = 0; owner < 3; ++owner) CHECK(o.remains_of(owner) == 0);
    CHECK_FALSE(o.try_erase(3));  // of a later one, too
    CHECK(version() == before + 2);
}

/// On the power_vfs, with the log in `lines`.
sqlite::database_options watched_options(const temporary_folder& folder, texts& lines) {
    auto o = options_in(folder);
    o.vfs = power_vfs::name;
    o.log = [&lines](const log_record& r) { lines.emplace_back(r.message); };
    return o;
}

/// A file of more pages than SQLite has in its cache: to write it anew takes a temporary file.
void fill(owners_outbox& o) {
    for (int i = 0; i < 100; ++i) o.append();
}

texts all_of(const std::string& what) {
    return {"0: " + what, "1: " + what, "2: " + what};
}

TEST_CASE("without a temporary file an erasure is refused, and the store goes on",
          "[sqlite][store]") {
    power_vfs vfs;
    const temporary_folder folder;
    texts lines;
    const auto options = watched_options(folder, lines);
    owners_outbox o(options);
    fill(o);
    int asked = 0;
    vfs.on_temporary([&] { return ++asked, false; });
    // One group asks once, the next again.
    const error_code refused = errc::store_failed;
    CHECK(o.erase_together(3) == all_of(refused.message()));
    CHECK(asked == 1);
    CHECK(lines.size() == 1);
    CHECK(o.try_erase(0) == refused);
    CHECK(asked == 2);
    CHECK_FALSE(o.db().status());
    CHECK(std::filesystem::file_size(options.path + "-wal") == 0);
    vfs.on_temporary({});
    CHECK_FALSE(o.try_erase(0));
    CHECK(o.remains_of(0) == 0);
    o.append();
}

TEST_CASE("behind an erasure that ended the store no file is written anew", "[sqlite][store]") {
    power_vfs vfs;
    const temporary_folder folder;
    auto options = store_options(folder.file("store.db"));
    options.vfs = power_vfs::name;
    owners_outbox o(options);
    o.append();
    REQUIRE_FALSE(drain(o.db()));
    vfs.fail_from(1, power_vfs::fault::failed_sync);
    const auto before = vfs.syncs();
    CHECK(o.erase_together(3) == all_of(make_error_code(errc::store_failed).message()));
    CHECK(o.db().status() == errc::store_failed);
    CHECK(vfs.syncs() == before + 1);
}

TEST_CASE("of a transaction's failures those of a sync and of a damaged file are final",
          "[sqlite][store]") {
    const auto is_final = [](int code) { return sqlite::detail::failure(code, "").is_final(); };
    for (const int code : {SQLITE_IOERR_FSYNC, SQLITE_IOERR_DIR_FSYNC, SQLITE_CORRUPT,
                           SQLITE_CORRUPT_VTAB, SQLITE_NOTADB})
        CHECK(is_final(code));
    for (const int code : {SQLITE_FULL, SQLITE_IOERR, SQLITE_IOERR_WRITE, SQLITE_IOERR_GETTEMPPATH,
                           SQLITE_CANTOPEN, SQLITE_INTERRUPT, SQLITE_READONLY})
        CHECK_FALSE(is_final(code));
}

TEST_CASE("an erasure asks for the room of two copies", "[sqlite][store]") {
    const temporary_folder folder;
    const auto options = options_in(folder);
    owners_outbox o(options);
    REQUIRE_FALSE(drain(o.db()));
    REQUIRE_FALSE(o.try_erase(0));          // leaves the log empty
    const auto become = [&](double part) {  // without a block of its own
        const auto free = static_cast<double>(sqlite::detail::free_bytes(options.path));
        std::filesystem::resize_file(options.path, static_cast<std::uintmax_t>(free * part));
    };
    become(0.7);
    CHECK(o.try_erase(0) == errc::store_full);
    become(0.3);
    CHECK_FALSE(o.try_erase(0));
}

/// Erases what an erasure at the end of the store before left.
void erase_again(sqlite::database_options options) {
    options.open_timeout = std::chrono::minutes(1);  // until the writing thread has ended
    owners_outbox o(options);
    CHECK(o.entries_of(0) == 0);
    CHECK_FALSE(o.try_erase(0));
    CHECK(o.remains_of(0) == 0);
    CHECK(o.entries_of(1) > 0);
}

TEST_CASE("closing ends the writing of a file anew", "[sqlite][store][threads]") {
    power_vfs vfs;
    const temporary_folder folder;
    texts lines;
    const auto options = watched_options(folder, lines);
    {
        owners_outbox o(options);
        fill(o);
        // On the writing thread: it returns at once.
        vfs.on_temporary([&] { return o.db().state()->close(), true; });
        CHECK(o.try_erase(0) == errc::closed);
    }
    vfs.on_temporary({});
    erase_again(options);
    CHECK(lines.empty());
}

TEST_CASE("a store that closes writes no file anew", "[sqlite][store][threads]") {
    const temporary_folder folder;
    const auto options = options_in(folder);
    {
        owners_outbox o(options);
        for (int i = 0; i < 5; ++i) o.append();
        store_bed bed;
        const auto ec = o.db().state()->writing().run_now([&] {
            o.rows().async_erase(mark_of(0), bed.note("erased"));
            o.db().state()->close();
        });
        CHECK_FALSE(ec);
        CHECK(bed.order() == texts{"erased: " + make_error_code(errc::closed).message()});
    }
    erase_again(options);
}

}  // namespace

}  // namespace tidings::test
