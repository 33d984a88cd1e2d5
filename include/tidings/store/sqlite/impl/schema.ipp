// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/store/sqlite/impl/schema.hpp>
#include <tidings/store/sqlite/impl/store_file.hpp>

namespace tidings::sqlite::detail {

namespace {

// `bodies`: each once, with the number of rows that name it.
// `epochs`: one for each opening with a history; `last` is the newest offset committed in it.
// `rings`: the rules of the history by their place, and the newest offset that one has lost of a
// topic that is not known any more. `lost`: topics of which something was evicted, and the newest
// of that.
// `entries` and `attempts` share `messages`, which name a body; `marks`: up to where events have
// reached the outbox (`outbox_file.ipp` has the form of their names); `keys`: the last that were
// given.
// `rows`: `seal` names the key that sealed the value; null: it is plain text.
// `sealing`: plain text that was sealed may still stand in pages.
// `attempt_minutes`: how often an endpoint was attempted in a minute, which is counted from 1970;
// `total` and `longest` in microseconds, `latencies` the classes up to the last that is not 0.
// `idnames`: the sets of ids of deliveries, each with the key of its HMAC; `ids`: in the order in
// which they were added.
constexpr char tables[] = R"(
CREATE TABLE bodies (id INTEGER PRIMARY KEY, uses INTEGER NOT NULL, bytes BLOB NOT NULL);
CREATE TABLE epochs (id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, first INTEGER NOT NULL,
    last INTEGER NOT NULL, opened INTEGER NOT NULL);
CREATE TABLE rings (id INTEGER PRIMARY KEY, pattern TEXT NOT NULL, forgotten INTEGER NOT NULL);
CREATE TABLE lost (ring INTEGER NOT NULL, topic TEXT NOT NULL, offset INTEGER NOT NULL,
    PRIMARY KEY (ring, topic)) WITHOUT ROWID;
CREATE TABLE events (offset INTEGER PRIMARY KEY, ring INTEGER NOT NULL, stored INTEGER NOT NULL,
    size INTEGER NOT NULL, hops INTEGER NOT NULL, flags INTEGER NOT NULL, time INTEGER,
    topic TEXT NOT NULL, type TEXT NOT NULL, source TEXT NOT NULL, id TEXT NOT NULL, subject TEXT,
    dataschema TEXT, contenttype TEXT, extensions TEXT, body INTEGER);
CREATE INDEX events_of_ring ON events (ring, offset);
CREATE TABLE tables (name TEXT PRIMARY KEY, revision INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE rows (name TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,
    revision INTEGER NOT NULL, seal INTEGER, PRIMARY KEY (name, key)) WITHOUT ROWID;
CREATE TABLE messages (id INTEGER PRIMARY KEY, source TEXT NOT NULL, event TEXT NOT NULL,
    type TEXT NOT NULL, topic TEXT NOT NULL, history TEXT NOT NULL, position TEXT NOT NULL,
    contenttype TEXT NOT NULL, fields BLOB NOT NULL, body INTEGER);
CREATE TABLE endpoints (id TEXT PRIMARY KEY, owner TEXT NOT NULL, limits TEXT,
    history TEXT NOT NULL, began TEXT NOT NULL, added INTEGER NOT NULL, health TEXT NOT NULL)
    WITHOUT ROWID;
CREATE TABLE entries (key INTEGER PRIMARY KEY, endpoint TEXT NOT NULL, messageid TEXT NOT NULL,
    webhookid TEXT NOT NULL, message INTEGER NOT NULL, part TEXT, batch TEXT NOT NULL,
    batchindex INTEGER NOT NULL, attempts INTEGER NOT NULL, created INTEGER NOT NULL,
    due INTEGER NOT NULL, expires INTEGER, firstfailure INTEGER, error TEXT NOT NULL,
    state INTEGER NOT NULL, since INTEGER NOT NULL);
CREATE TABLE attempts (key INTEGER PRIMARY KEY, entry INTEGER NOT NULL, endpoint TEXT NOT NULL,
    messageid TEXT NOT NULL, webhookid TEXT NOT NULL, message INTEGER NOT NULL,
    number INTEGER NOT NULL, at INTEGER NOT NULL, resolve INTEGER, connect INTEGER, tls INTEGER,
    firstbyte INTEGER, total INTEGER, status INTEGER NOT NULL, error TEXT NOT NULL,
    cause TEXT NOT NULL, address TEXT NOT NULL, head TEXT NOT NULL, body TEXT NOT NULL,
    write INTEGER);
CREATE TABLE marks (history TEXT PRIMARY KEY, position TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE keys (id INTEGER PRIMARY KEY, entry INTEGER NOT NULL, attempt INTEGER NOT NULL);
INSERT INTO keys VALUES (1, 0, 0);
)";
constexpr char tables_of_3[] = R"(
CREATE TABLE sealing (remains INTEGER NOT NULL);
INSERT INTO sealing VALUES (0);
CREATE TABLE idnames (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, secret BLOB NOT NULL);
CREATE TABLE ids (name INTEGER NOT NULL, number INTEGER NOT NULL, id BLOB NOT NULL,
    added INTEGER NOT NULL, PRIMARY KEY (name, number)) WITHOUT ROWID;
)";
constexpr char tables_of_4[] = R"(
CREATE INDEX events_of_topic ON events (topic, offset);
CREATE TABLE attempt_minutes (endpoint TEXT NOT NULL, minute INTEGER NOT NULL,
    succeeded INTEGER NOT NULL, failed INTEGER NOT NULL, total INTEGER NOT NULL,
    longest INTEGER NOT NULL, latencies TEXT NOT NULL, PRIMARY KEY (endpoint, minute))
    WITHOUT ROWID;
)";

// Whole and synced before it has its name, and never over one that is there: a migration that was
// cut off behind it leaves one more.
void make_backup(connection& c, const std::string& name) {
    // What the system reports is no code of SQLite's.
    constexpr int sqlite_ioerr = 10;
    const auto check = [&](error_code ec) {
        if (ec) throw failure(sqlite_ioerr, name + ": " + ec.message());
    };
    const auto part = name + ".making";
    check(remove_file(part));
    check(create_private_file(part));
    statement(c, "VACUUM INTO ?").run(part);
    auto ec = publish_file(part, name);
    for (int number = 2; ec == boost::system::errc::file_exists; ++number)
        ec = publish_file(part, name + '-' + std::to_string(number));
    check(ec);
}

void set_version(connection& c, std::size_t version) {
    c.execute(("PRAGMA user_version=" + std::to_string(version)).c_str());
}

}  // namespace

void create_schema(connection& c) {
    c.execute("PRAGMA auto_vacuum=INCREMENTAL");
    c.execute("PRAGMA synchronous=FULL");
    transaction t(c);
    c.execute(("PRAGMA application_id=" + std::to_string(application_id)).c_str());
    c.execute(tables);
    c.execute(tables_of_3);
    c.execute(tables_of_4);
    set_version(c, schema_version);
    t.commit();
}

std::uint32_t version_of(connection& c) {
    return static_cast<std::uint32_t>(c.number("PRAGMA user_version"));
}

std::span<const migration> migrations() noexcept {
    static constexpr migration all[] = {
        [](connection& c) { c.execute("ALTER TABLE attempts ADD COLUMN write INTEGER"); },
        [](connection& c) {
            c.execute(tables_of_3);
            c.execute("ALTER TABLE rows ADD COLUMN seal INTEGER");
        },
        [](connection& c) { c.execute(tables_of_4); },
    };
    return all;
}

void migrate(connection& c, std::uint32_t version, std::span<const migration> steps,
             const std::string& backup) {
    if (version > steps.size()) return;
    make_backup(c, backup);
    transaction t(c);
    for (auto step = version - 1; step < steps.size(); ++step) steps[step](c);
    set_version(c, steps.size() + 1);
    t.commit();
}

}  // namespace tidings::sqlite::detail
