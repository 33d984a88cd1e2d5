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
    revision INTEGER NOT NULL, PRIMARY KEY (name, key)) WITHOUT ROWID;
)";

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
    set_version(c, schema_version);
    t.commit();
}

std::uint32_t version_of(connection& c) {
    return static_cast<std::uint32_t>(c.number("PRAGMA user_version"));
}

std::span<const migration> migrations() noexcept {
    return {};
}

void migrate(connection& c, std::uint32_t version, std::span<const migration> steps,
             const std::string& backup) {
    if (version > steps.size()) return;
    if (const auto ec = create_private_file(backup))
        throw failure(ec.value(), backup + ": " + ec.message());
    statement(c, "VACUUM INTO ?").run(backup);
    transaction t(c);
    for (auto step = version - 1; step < steps.size(); ++step) steps[step](c);
    set_version(c, steps.size() + 1);
    t.commit();
}

}  // namespace tidings::sqlite::detail
