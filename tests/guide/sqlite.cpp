// SPDX-License-Identifier: BSL-1.0
// The program of docs/sqlite.md.
#include "support/store_folder.hpp"

#include <tidings/store/sqlite/delivered_ids.hpp>
#include <tidings/store/sqlite/history.hpp>
#include <tidings/store/sqlite/outbox.hpp>
#include <tidings/store/sqlite/secret_cipher.hpp>
#include <tidings/store/sqlite/table.hpp>
#include <tidings/tidings.hpp>

#include <fstream>

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

TEST_CASE("the receiver of docs/sqlite.md has its ids in the file", "[sqlite]") {
    const temporary_folder folder;
    const auto path = folder.file("hub.db");
    const auto key_file = folder.file("keys");
    std::ofstream(key_file) << sqlite::secret_cipher::make_key() << '\n';
    boost::asio::io_context io;
    // [sqlite_cipher]
    tidings::sqlite::database db{
        io, {.path = path, .cipher = tidings::sqlite::secret_cipher::from_file(key_file)}};
    // [/sqlite_cipher]
    tidings::bus bus{io};
    tidings::http::server server{io, {}};
    // [sqlite_receiver]
    auto from_stripe = tidings::webhook::from_stripe({"whsec_of_the_endpoint"});
    from_stripe.ids = tidings::sqlite::make_delivered_ids(db, "stripe");
    server.mount("/in/stripe", tidings::webhook::receiver{bus, from_stripe});
    // [/sqlite_receiver]
    CHECK_FALSE(from_stripe.ids->contains({}));
    CHECK_THROWS_AS(sqlite::make_delivered_ids(db, "stripe"), std::invalid_argument);
}

}  // namespace

}  // namespace tidings::test
