// SPDX-License-Identifier: BSL-1.0
// A target that answers 410 while its row changes.
#include "support/rest_hook_bed.hpp"

#include <tidings/store/memory_table.hpp>
#include <tidings/test/faulty_table.hpp>

namespace tidings::test {

namespace {

using nlohmann::json;

}  // namespace

TEST_CASE("a target that is gone ends its subscription, unless its owner has tried it again",
          "[rest_hook][faulty]") {
    world w;
    const auto sound = store::make_memory_table();
    const auto table = std::make_shared<faulty_table>(sound);
    hook_bed bed(w, {.table = table});
    bed.target.answer = [](http::exchange& x) { x.respond({.status = 410}); };
    w.run_ready();
    const std::string id = bed.create("a").at("id");
    const auto [member, ends] = GENERATE(Catch::Generators::table<std::string, bool>(
        {{"", true}, {"description", true}, {"target_url", false}, {"resumed_at", false}}));
    CAPTURE(member);
    table->plan().hold();
    table->plan().fail({.operation = "erase", .error = errc::store_conflict});
    bed.publish("a");
    REQUIRE(table->plan().operations("erase") == 1);
    if (!member.empty()) {
        store::row row;
        sound->start_get(id, {w.io().get_executor(), [&](error_code, store::row r) { row = r; }});
        w.run_ready();
        auto value = json::parse(row.value);
        value[member] =
            member == "target_url" ? bed.target.url("/hook?new") : "2026-01-01T00:00:09Z";
        sound->start_put(
            id, value.dump(), row.revision,
            {w.io().get_executor(), [](error_code ec, std::uint64_t) { CHECK_FALSE(ec); }});
        w.run_ready();
    }
    table->plan().release();
    w.run_ready();
    CHECK(bed.get('/' + id).status == (ends ? 404 : 200));
    CHECK(bed.hub->subscriptions() == (ends ? 0 : 1));
}

}  // namespace tidings::test
