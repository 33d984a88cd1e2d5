// SPDX-License-Identifier: BSL-1.0
// Subscriptions whose permission ends.
#include "support/rest_hook_bed.hpp"

#include <tidings/store/memory_table.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

/// Subscribing is granted for a time; managing for ever.
rest_hook::manager_options granting(world& w, std::chrono::seconds time,
                                    std::shared_ptr<store::table> table) {
    rest_hook::manager_options o;
    o.table = std::move(table);
    o.authorizer = [&w, time](const principal&, action what, std::string_view topic) -> permission {
        if (what != action::subscribe || topic == "free") return true;
        return {true, w.clock().wall_now() + time};
    };
    return o;
}

std::size_t rows_of(world& w, store::table& t) {
    std::size_t rows = 0;
    t.start_scan({}, 100, {w.io().get_executor(), [&](error_code, std::vector<store::row> all) {
                               rows = all.size();
                           }});
    w.run_ready();
    return rows;
}

}  // namespace

TEST_CASE("a subscription ends when its permission does", "[rest_hook]") {
    world w;
    const auto table = store::make_memory_table();
    hook_bed bed(w, granting(w, 60s, table));
    w.run_ready();
    const auto hook = bed.create("a");
    CHECK(hook.at("expiration_date") == "2026-01-01T00:01:00Z");
    w.advance(10s);
    const auto later = bed.create("b");
    CHECK_FALSE(bed.create("free").contains("expiration_date"));
    bed.publish("a", "1");
    CHECK(bed.target.requests.size() == 1);
    w.advance(49s);
    bed.publish("a", "2");
    CHECK(bed.target.requests.size() == 2);
    w.advance(2s);
    bed.publish("a", "3");
    CHECK(bed.target.requests.size() == 2);
    CHECK(bed.get('/' + hook.at("id").get<std::string>()).status == 404);
    CHECK(rows_of(w, *table) == 2);
    bed.publish("b", "4");
    CHECK(bed.target.requests.size() == 3);
    w.advance(10s);
    bed.publish("b", "5");
    bed.publish("free", "6");
    CHECK(bed.target.requests.size() == 4);
    CHECK(rows_of(w, *table) == 1);
    // The place is free again.
    CHECK(bed.create("a").contains("expiration_date"));
}

TEST_CASE("a subscription whose permission ended meanwhile is not served after a restart",
          "[rest_hook]") {
    world w;
    const auto table = store::make_memory_table();
    {
        hook_bed bed(w, granting(w, 60s, table));
        w.run_ready();
        bed.create("a");
        bed.create("free");
    }
    w.advance(50s);
    {
        hook_bed bed(w, granting(w, 60s, table));
        w.run_ready();
        CHECK(bed.hub->subscriptions() == 2);
    }
    w.advance(20s);
    hook_bed bed(w, granting(w, 60s, table));
    w.run_ready();
    CHECK(bed.hub->subscriptions() == 1);
    w.advance(1s);
    CHECK(rows_of(w, *table) == 1);
    CHECK(json::parse(bed.get().body).size() == 1);
}

TEST_CASE("a permission that ends as the manager closes ends nothing more", "[rest_hook]") {
    world w;
    const auto table = store::make_memory_table();
    hook_bed bed(w);
    auto o = granting(w, 60s, table);
    o.environment = w.environment();
    rest_hook::manager closed{*bed.hub, *bed.sender, std::move(o)};
    http::server server(w.io(), {.environment = w.environment()});
    server.mount("/hooks", closed);
    server.start();
    w.run_ready();
    http::fields json_type;
    json_type.set("Content-Type", "application/json");
    REQUIRE(w.request("POST", url_of(server, "/hooks"), bed.body("a"), json_type).status == 201);
    w.run_ready();
    w.clock().advance(61s);  // the timer's callback is posted, and does not see the end
    closed.close();
    w.run_ready();
    CHECK(rows_of(w, *table) == 1);
}

TEST_CASE("the end of a permission that is written back does not become a lease", "[rest_hook]") {
    world w;
    hook_bed bed(w, granting(w, 60s, store::make_memory_table()));
    w.run_ready();
    const auto hook = bed.create("a");
    const auto change = [&](const std::string& method, const json& what) {
        const auto r = w.request(method, bed.url('/' + hook.at("id").get<std::string>()),
                                 what.dump(), {{"Content-Type", "application/json"}});
        INFO(r.body);
        REQUIRE(r.status == 200);
        return json::parse(r.body).at("expiration_date");
    };
    const auto& end = hook.at("expiration_date");
    if (GENERATE(false, true))
        CHECK(change("PATCH", {{"expiration_date", end}}) == end);
    else
        CHECK(change("PUT", {{"event", "a"},
                             {"target_url", bed.target.url()},
                             {"expiration_date", end}}) == end);
    w.advance(30s);
    CHECK(change("PATCH", {{"topics", {"b"}}}) == "2026-01-01T00:01:30Z");
}

}  // namespace tidings::test
