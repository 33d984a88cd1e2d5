// SPDX-License-Identifier: BSL-1.0
// The program of docs/sqlite.md.
#include "support/store_folder.hpp"

#include <tidings/store/sqlite/history.hpp>
#include <tidings/store/sqlite/outbox.hpp>
#include <tidings/store/sqlite/table.hpp>
#include <tidings/tidings.hpp>

namespace tidings::test {

namespace {

TEST_CASE("the program of docs/sqlite.md keeps its events", "[sqlite]") {
    const temporary_folder folder;
    const auto path = folder.file("hub.db");
    int seen = 0;
    for (int run = 0; run < 2; ++run) {
        // [sqlite_store]
        boost::asio::io_context io;
        tidings::sqlite::database db{io, {.path = path}};
        tidings::bus bus{io,
                         {.history = {.implementation = tidings::sqlite::make_history(
                                          db, {{.pattern = ">", .max_events = 100'000}})}}};
        tidings::webhook::sender sender{io, {.outbox = tidings::sqlite::make_outbox(db)}};
        tidings::rest_hook::manager hooks{
            bus, sender, {.table = tidings::sqlite::make_table(db, "hooks")}};
        // [/sqlite_store]
        const auto all =
            bus.subscribe(">", [&](const event_ptr&) { ++seen; }, {.after = position()});
        bus.publish("orders.42", event{"order.created", "/shop"});
        const auto wanted = run == 0 ? 1 : 3;
        while (seen < wanted && io.run_one() != 0) {
        }
        CHECK(seen == wanted);
    }
}

}  // namespace

}  // namespace tidings::test
