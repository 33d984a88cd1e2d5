// SPDX-License-Identifier: BSL-1.0
#include "support/outbox_conformance.hpp"
#include "support/store_folder.hpp"

#include <tidings/store/sqlite/impl/connection.hpp>
#include <tidings/store/sqlite/outbox.hpp>

#include <fstream>

namespace tidings::test {

namespace {

/// An outbox that owns its database; its folder is shared with the one that opens it again.
struct whole_outbox {
    whole_outbox(std::shared_ptr<temporary_folder> f, store::outbox_options options)
        : folder(std::move(f)),
          rows(sqlite::make_outbox(db, options)) {}
    std::shared_ptr<temporary_folder> folder;
    net::io_context io;
    sqlite::database db{io, store_options(folder->file("store.db"))};
    std::shared_ptr<store::outbox> rows;
};

std::shared_ptr<store::outbox> as_outbox(const std::shared_ptr<whole_outbox>& w) {
    return {w, w->rows.get()};
}

outbox_kit file_kit() {
    const auto current = std::make_shared<std::weak_ptr<whole_outbox>>();
    return {"sqlite",
            [=](store::outbox_options o) {
                const auto made =
                    std::make_shared<whole_outbox>(std::make_shared<temporary_folder>(), o);
                *current = made;
                return as_outbox(made);
            },
            {},
            [=](std::shared_ptr<store::outbox>& rows, store::outbox_options o) {
                const auto folder = current->lock()->folder;
                rows.reset();
                const auto made = std::make_shared<whole_outbox>(folder, o);
                *current = made;
                rows = as_outbox(made);
            }};
}

TEST_CASE("the outbox in a file is an outbox", "[sqlite][threads][store]") {
    outbox_conformance(file_kit());
}

std::string bytes_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

TEST_CASE("what was erased cannot be read from the file or its log", "[sqlite][store]") {
    const temporary_folder folder;
    const auto path = folder.file("store.db");
    net::io_context io;
    sqlite::database db(io, store_options(path));
    outbox_bed o({"sqlite",
                  [&](store::outbox_options options) { return sqlite::make_outbox(db, options); }});
    store::outbox_endpoint theirs;
    theirs.id = "theirs";
    theirs.owner = "somebody";
    o.open({theirs});
    o.append("theirs", "what-they-sent");
    o.append("ours", "what-we-sent");
    const auto all = [&] { return bytes_of(path) + bytes_of(path + "-wal"); };
    CHECK(all().find("what-they-sent") != std::string::npos);
    o.erase("somebody");
    CHECK(all().find("what-they-sent") == std::string::npos);
    CHECK(all().find("what-we-sent") != std::string::npos);
    CHECK(o.listed_ids() == outbox_bed::texts{"what-we-sent"});
}

TEST_CASE("the file keeps no message that nothing names", "[sqlite][store]") {
    const temporary_folder folder;
    const auto path = folder.file("store.db");
    {
        net::io_context io;
        sqlite::database db(io, store_options(path));
        outbox_bed o({"sqlite", [&](store::outbox_options options) {
                          return sqlite::make_outbox(db, options);
                      }});
        for (const char* endpoint : {"a", "b", "c"}) o.append(endpoint, "1");
        o.append("a", "2");
        o.claim_and_finish(outbox_bed::state::done);
        o.append("a", "3");
    }
    sqlite::detail::connection c(path, "");
    CHECK(c.number("SELECT count(*) FROM entries") == 1);
    CHECK(c.number("SELECT count(*) FROM messages") == 1);
    CHECK(c.number("SELECT count(*) FROM bodies") == 1);
    CHECK(c.number("SELECT uses FROM bodies") == 1);
}

}  // namespace

}  // namespace tidings::test
