// SPDX-License-Identifier: BSL-1.0
// What a subscription takes of the heap while nothing is owed to it: docs/benchmarks.md says where
// each byte goes.
#include "support/allocations.hpp"
#include "support/rest_hook_bed.hpp"

#include <tidings/rest_hook/impl/hook_record.hpp>
#include <tidings/store/impl/outbox_tables.hpp>
#include <tidings/store/memory_table.hpp>
#include <tidings/webhook/make_secret.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

/// What so many of them, each with a pattern of its own, take beside their rows.
long bytes_of(int count) {
    world w;
    bus hub(w.io(), {.clock = &w.clock()});
    webhook::sender sender(w.io(), hook_sender_options(w));
    const auto table = store::make_memory_table();
    for (int i = 0; i < count; ++i) {
        rest_hook::detail::hook_record h;
        h.id = "hook_" + std::to_string(100'000 + i);
        h.topics = {"bench.shop" + std::to_string(i) + ".order"};
        h.target_url = "http://127.0.0.1:1/hook/of/shop" + std::to_string(i);
        h.secret = webhook::make_secret();
        h.created_at = "2026-01-01T00:00:00Z";
        h.owner = "shop" + std::to_string(i / 10);
        table->start_put(h.id, rest_hook::detail::to_row_value(h), 0,
                         {w.io().get_executor(), [](error_code, std::uint64_t) {}});
        w.run_ready();
    }
    const auto before = bytes_held.load();
    const rest_hook::manager manager(hub, sender, {.table = table, .environment = w.environment()});
    w.run_ready();
    REQUIRE(hub.subscriptions() == static_cast<std::size_t>(count));
    return bytes_held - before;
}

}  // namespace

// Of this library and this processor only: elsewhere other sizes are right.
TEST_CASE("a subscription that is owed nothing takes little of the heap", "[rest_hook][counts]") {
#if defined(__GLIBCXX__) && defined(__x86_64__)
    constexpr int some = 256;
    constexpr int more = 2 * some;  // what they share is taken by the first
    CHECK((bytes_of(more) - bytes_of(some)) / (more - some) <= 3750);
#endif
}

TEST_CASE("what an endpoint was owed takes nothing of the outbox afterwards", "[outbox][counts]") {
    constexpr store::outbox_time now{1h};
    store::detail::outbox_tables rows((store::outbox_options()));
    const auto bring = [&](const std::string& endpoint) {
        store::outbox_append owed{.now = now, .entries = std::vector<store::outbox_entry>(1)};
        owed.entries[0].endpoint = endpoint;
        rows.append(std::move(owed));
        const auto claimed = rows.claim({.now = now, .max_entries = 1, .max_per_endpoint = 1});
        REQUIRE(claimed.entries.size() == 1);
        rows.retain({.now = now});  // takes nothing of what is under way
        const auto held = bytes_held.load();
        rows.finish({.now = now, .results = {{.key = claimed.entries[0].key}}});
        static_cast<void>(rows.take_released());
        rows.retain({.now = now});
        return held;
    };
    bring("of the first all make use of what they share");
    rows.open({.now = now, .endpoints = {{.id = "a", .owner = "an owner"}}});
    const auto at_rest = bytes_held.load();
    CHECK(bring("a") > at_rest);
    CHECK(bytes_held <= at_rest);
    CHECK(rows.list_endpoints("", 1)[0].row.owner == "an owner");
}

}  // namespace tidings::test
