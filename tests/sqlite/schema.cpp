// SPDX-License-Identifier: BSL-1.0
#include "support/outbox_bed.hpp"
#include "support/sqlite_bed.hpp"

#include <tidings/store/sqlite/outbox.hpp>
#include <tidings/store/sqlite/table.hpp>

namespace tidings::test {

namespace {

outbox_kit kit_of(sqlite::database& db) {
    return {"sqlite", [&db](store::outbox_options o) { return sqlite::make_outbox(db, o); }};
}

std::shared_ptr<store::table> hooks_of(sqlite::database& db) {
    return sqlite::make_table(db, "hooks");
}

/// Something of every kind that a file holds.
void fill(const std::string& path) {
    stored_history f(store_options(path), 2);
    for (const char* text : {"evicted", "2", "3"})
        CHECK_FALSE(f.append("a", made(text).id(text)).first);
    store_bed bed;
    const auto put = bed.wait_for<std::uint64_t>(
        [&](auto h) { hooks_of(*f.db)->async_put("key", "value", 0, std::move(h)); });
    CHECK_FALSE(put.first);

    outbox_bed o(kit_of(*f.db));
    store::outbox_endpoint theirs;
    theirs.id = "theirs";
    theirs.owner = "somebody";
    o.open({theirs});
    o.append("theirs", "dead");
    const auto given_up = o.claim().entries;
    REQUIRE(given_up.size() == 1);
    store::outbox_attempt attempt;
    attempt.entry = given_up[0].key;
    attempt.status = 410;
    attempt.error = errc::webhook_gone;
    o.finish({.now = o.at(),
              .results = {{given_up[0].key, outbox_bed::state::dead, 1, o.at(), attempt.error, {}}},
              .attempts = {attempt}});
    o.append("theirs", "owed");
    CHECK_FALSE(o.try_append({o.in_partition("one", "first"), o.in_partition("one", "second")}));
    const auto head = f.events->head();
    CHECK_FALSE(o.end_of_append({.now = o.at(), .marks = {{"bus", head, {}}}}).first);
}

TEST_CASE("a file of each schema there was is read as one that is new", "[sqlite]") {
    const temporary_folder folder;
    const auto path = folder.file("store.db");
    SECTION("new") {
        fill(path);
    }
    for (const std::string version : {"1", "2", "3"}) SECTION(version) {
            std::filesystem::copy_file("tests/sqlite/version_" + version + ".db", path);
        }
    stored_history f(store_options(path), 2);
    const auto slice = f.read({});
    REQUIRE(show(slice.events) == texts{"a=2", "a=3"});
    const auto first = *slice.events[0]->position();
    CHECK_FALSE(f.read(first).gap);
    CHECK(show(f.read(first).events) == texts{"a=3"});
    CHECK(f.events->find("/test", "2") == first);
    CHECK_FALSE(f.events->find("/test", "evicted"));
    CHECK(f.read(position(0, 0)).gap);

    store_bed bed;
    const auto [ec, row] =
        bed.wait_for<store::row>([&](auto h) { hooks_of(*f.db)->async_get("key", std::move(h)); });
    CHECK_FALSE(ec);
    CHECK(std::get<0>(row).value == "value");

    outbox_bed o(kit_of(*f.db));
    CHECK(o.listed_ids() == outbox_bed::texts{"dead", "owed", "first", "second"});
    CHECK(o.dead_ids() == outbox_bed::texts{"dead"});
    CHECK(o.mark_of("bus") == *slice.events[1]->position());
    const auto attempts = o.attempts();
    REQUIRE(attempts.size() == 1);
    CHECK(attempts[0].status == 410);
    CHECK(attempts[0].error == errc::webhook_gone);
    const auto claimed = o.claim();
    REQUIRE(ids_of(claimed) == outbox_bed::texts{"owed", "first"});
    CHECK(*claimed.entries[0].message->body == "body of owed");
    CHECK(o.of().stats().attempt_counts == 0);
    o.finish(
        {{.key = claimed.entries[1].key, .attempt = store::outbox_result::attempt_end{o.at()}}});
    CHECK(o.counts_of("fifo").size() == 1);
    o.erase("somebody");
    CHECK(o.listed_ids() == outbox_bed::texts{"second"});
}

}  // namespace

}  // namespace tidings::test
