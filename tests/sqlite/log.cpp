// SPDX-License-Identifier: BSL-1.0
// How much the write-ahead log has, and what another program does to it.
#include "support/outbox_conformance.hpp"
#include "support/sqlite_bed.hpp"

#include <tidings/store/sqlite/impl/connection.hpp>
#include <tidings/store/sqlite/outbox.hpp>

#include <fstream>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

std::string bytes_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// Appends events of different data without waiting for each.
void fill(stored_history& f, int events, std::size_t bytes) {
    for (int i = 0; i < events; ++i) {
        error_code ec;
        auto text = std::to_string(i);
        text.resize(bytes, 'x');
        auto e = publication::make("a", made(text), {}, ec);
        f.events->append(pending_publication(std::move(e)), {});
    }
    CHECK_FALSE(drain(*f.db));
}

/// A read of another program that does not end.
class foreign_read {
 public:
    explicit foreign_read(const std::string& path) : connection_(path, "") {
        connection_.execute("BEGIN");
        connection_.number("SELECT count(*) FROM sqlite_master");
    }

 private:
    sqlite::detail::connection connection_;
};

TEST_CASE("a history that has to become small does so in several transactions", "[sqlite]") {
    const temporary_folder folder;
    manual_clock clock;
    auto o = store_options(folder.file("store.db"));
    o.clock = &clock;
    constexpr int many = 15'000;
    std::vector<history_rule> rules{{.pattern = ">", .max_events = many, .max_age = 1h}};
    position last;
    {
        stored_history f(o, rules);
        fill(f, many, 100);
        last = f.add("a", "last");
    }
    SECTION("under another rule, before it is opened") {
        rules[0].max_events = 10;
        stored_history f(o, rules);
        CHECK(f.db->commits().count >= 4);
        CHECK(f.read({}).events.size() == 10);
    }
    SECTION("of topics that no rule keeps any more, before it is opened") {
        stored_history f(o, {{.pattern = "b", .max_events = 10}});
        CHECK(f.db->commits().count >= 4);
        CHECK(f.read({}).events.empty());
        CHECK_FALSE(f.read(last).gap);
        f.close();
        sqlite::detail::connection c(o.path, "");
        CHECK(c.number("SELECT count(*) FROM events") == 0);
        CHECK(c.number("SELECT count(*) FROM bodies") == 0);
    }
    SECTION("by its age, before it is read") {
        stored_history f(o, rules);
        const auto before = f.db->commits().count;
        clock.advance(2h);
        CHECK(f.read({}).events.empty());
        CHECK(f.db->commits().count >= before + 4);
        CHECK_FALSE(f.read(last).gap);
    }
    SECTION("by its bytes, where few events are large") {
        o.max_wal_bytes = 8 << 20;
        {
            stored_history f(o, {{.pattern = ">", .max_events = 20}});
            fill(f, 20, 1 << 20);
        }
        stored_history f(o, {{.pattern = ">", .max_events = 1}});
        CHECK(f.db->commits().count >= 4);
        CHECK(f.read({}).events.size() == 1);
    }
}

TEST_CASE("what else one large event displaces goes with later groups", "[sqlite][threads]") {
    const temporary_folder folder;
    const auto o = store_options(folder.file("store.db"));
    constexpr std::size_t large = 6'000'000;
    stored_history f(o, {{.pattern = ">", .max_events = 100'000, .max_bytes = large}});
    fill(f, 15'000, 10);
    f.add("a", std::string(large, 'x'));
    f.io.restart();
    f.io.run();  // nothing is over its bound when no work is left
    CHECK_FALSE(drain(*f.db));
    CHECK_FALSE(drain(*f.db));
    f.close();
    sqlite::detail::connection c(o.path, "");
    CHECK(c.number("SELECT count(*) FROM events") == 1);
}

TEST_CASE("a log that another program reads is not called empty", "[sqlite]") {
    const temporary_folder folder;
    auto o = store_options(folder.file("store.db"));
    o.max_wal_bytes = 8 << 20;
    stored_history f(o);
    f.add("a", "1");
    std::optional<foreign_read> theirs(o.path);
    fill(f, 6, 1 << 20);
    CHECK_FALSE(drain(*f.db));
    CHECK(f.db->sizes().log > 5 << 20);
    CHECK_FALSE(f.db->status());
    theirs.reset();
    fill(f, 6, 1 << 20);
    CHECK_FALSE(drain(*f.db));
    CHECK(f.read_all().size() == 13);
}

TEST_CASE("what stands in the log of another program's read is not called erased",
          "[sqlite][store]") {
    const temporary_folder folder;
    const auto path = folder.file("store.db");
    net::io_context io;
    sqlite::database db(io, store_options(path));
    std::shared_ptr<store::outbox> rows;
    outbox_bed o({"sqlite", [&](store::outbox_options options) {
                      return rows = sqlite::make_outbox(db, options);
                  }});
    store::outbox_endpoint theirs;
    theirs.id = "theirs";
    theirs.owner = "somebody";
    o.open({theirs});
    o.append("theirs", "what-they-sent");
    const auto erase = [&] {
        return wait_for([&](auto h) { rows->async_erase("somebody", std::move(h)); });
    };
    {
        const foreign_read reading(path);
        CHECK(erase() == errc::store_failed);
        CHECK((bytes_of(path) + bytes_of(path + "-wal")).find("what-they-sent") !=
              std::string::npos);
    }
    CHECK_FALSE(db.status());
    CHECK_FALSE(erase());
    CHECK((bytes_of(path) + bytes_of(path + "-wal")).find("what-they-sent") == std::string::npos);
}

}  // namespace

}  // namespace tidings::test
