// SPDX-License-Identifier: BSL-1.0
#include "support/store_folder.hpp"
#include "support/table_conformance.hpp"

#include <tidings/store/sqlite/table.hpp>

namespace tidings::test {

namespace {

/// A table that owns its database and folder.
struct whole_table {
    temporary_folder folder;
    net::io_context io;
    sqlite::database db{io, store_options(folder.file("store.db"))};
    std::shared_ptr<store::table> rows = sqlite::make_table(db, "rows");
};

TEST_CASE("the table in a file is a table", "[sqlite][threads][table]") {
    table_conformance({"sqlite", [] {
                           const auto made = std::make_shared<whole_table>();
                           return std::shared_ptr<store::table>(made, made->rows.get());
                       }});
}

TEST_CASE("rows and their revisions survive a restart, each table its own", "[sqlite][table]") {
    const temporary_folder folder;
    store_bed bed;
    const auto put = [&](store::table& t, std::string value, std::uint64_t expected) {
        const auto [ec, revision] = bed.wait_for<std::uint64_t>(
            [&](auto h) { t.async_put("key", std::move(value), expected, std::move(h)); });
        CHECK_FALSE(ec);
        return std::get<0>(revision);
    };
    std::uint64_t revision = 0;
    {
        net::io_context io;
        sqlite::database db(io, store_options(folder.file("store.db")));
        const auto one = sqlite::make_table(db, "one");
        const auto two = sqlite::make_table(db, "two");
        put(*one, "1", 0);
        revision = put(*one, "2", 1);
        put(*two, "other", 0);
    }
    net::io_context io;
    sqlite::database db(io, store_options(folder.file("store.db")));
    const auto one = sqlite::make_table(db, "one");
    const auto [ec, found] =
        bed.wait_for<store::row>([&](auto h) { one->async_get("key", std::move(h)); });
    CHECK_FALSE(ec);
    CHECK(std::get<0>(found).value == "2");
    CHECK(std::get<0>(found).revision == revision);
    CHECK(put(*one, "3", revision) > revision);
}

TEST_CASE("a table of a database that is closed completes with that", "[sqlite][threads][table]") {
    const temporary_folder folder;
    net::io_context io;
    sqlite::database db(io, store_options(folder.file("store.db")));
    const auto rows = sqlite::make_table(db, "rows");
    db.close();
    store_bed bed;
    const auto [ec, found] =
        bed.wait_for<store::row>([&](auto h) { rows->async_get("key", std::move(h)); });
    CHECK(ec == errc::closed);
    CHECK_THROWS_AS(sqlite::make_table(db, "rows"), boost::system::system_error);
}

}  // namespace

}  // namespace tidings::test
