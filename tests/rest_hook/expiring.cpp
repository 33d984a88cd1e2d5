// SPDX-License-Identifier: BSL-1.0
// The event before a subscription ends: when it comes, that it comes once, and what has none.
#include "support/websub_bed.hpp"

#include <tidings/rest_hook/impl/hook_record.hpp>
#include <tidings/test/faulty_table.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using texts = std::vector<std::string>;

/// A manager, and what its bus says of ends.
struct expiring_bed : hook_bed {
    expiring_bed(world& in, std::shared_ptr<store::table> table, rest_hook::manager_options o = {})
        : hook_bed(in, with(std::move(o), std::move(table))),
          watch(
              hub->subscribe("tidings.>", [to = told](const event_ptr& e) { to->push_back(e); })) {
        w.run_ready();
    }
    static rest_hook::manager_options with(rest_hook::manager_options o,
                                           std::shared_ptr<store::table> table) {
        o.table = std::move(table);
        return o;
    }
    std::string make(std::string_view event, std::chrono::seconds lease) {
        const json body{
            {"event", event}, {"target_url", target.url()}, {"lease_seconds", lease.count()}};
        const auto r = post(body.dump());
        REQUIRE(r.status == 201);
        return json::parse(r.body).at("id");
    }
    int patch(const std::string& id, const json& body) {
        const auto r =
            w.request("PATCH", url('/' + id), body.dump(), {{"Content-Type", "application/json"}});
        w.run_ready();
        return static_cast<int>(r.status);
    }
    texts ends_told() {
        texts all;
        for (const auto& e : std::exchange(*told, {}))
            all.push_back(json::parse(e->text()).at("expiration_date"));
        return all;
    }

    std::shared_ptr<std::vector<event_ptr>> told = std::make_shared<std::vector<event_ptr>>();
    subscription watch;
};

}  // namespace

TEST_CASE("a day before a subscription ends the bus is told, once", "[rest_hook]") {
    world w;
    expiring_bed bed(w, nullptr, {.authorizer = allow_all()});
    int others = 0;
    const auto all = bed.hub->subscribe(">", [&](const event_ptr&) { ++others; });
    const auto id = bed.make("a", 72h);
    w.advance(48h - 2min);
    CHECK(bed.told->empty());
    w.advance(2min);
    REQUIRE(bed.told->size() == 1);
    const auto& e = *bed.told->front();
    CHECK(e.topic() == "tidings.rest_hook.expiring");
    CHECK(e.type() == "tidings.rest_hook.expiring");
    CHECK(e.source() == "/tidings/rest_hook");
    CHECK(e.subject() == id);
    CHECK(json::parse(e.text()) == json{{"hook", id},
                                        {"topics", {"a"}},
                                        {"target", bed.target.url("")},
                                        {"expiration_date", "2026-01-04T00:00:00Z"}});
    CHECK(others == 0);
    w.advance(24h);
    CHECK(bed.told->size() == 1);
    CHECK(bed.get('/' + id).status == 404);
}

TEST_CASE("the end of a lease is announced again after a renewal, and not after other changes",
          "[rest_hook]") {
    world w;
    expiring_bed bed(w, nullptr);
    const auto id = bed.make("a", 72h);
    w.advance(48h);
    CHECK(bed.ends_told() == texts{"2026-01-04T00:00:00Z"});
    CHECK(bed.patch(id, {{"description", "x"}}) == 200);
    CHECK(bed.patch(id, {{"state", "paused"}}) == 200);
    CHECK(bed.patch(id, {{"expiration_date", "2026-01-04T00:00:00Z"}}) == 200);
    w.advance(1h);
    CHECK(bed.ends_told().empty());
    CHECK(bed.patch(id, {{"lease_seconds", 3600 * 50}}) == 200);
    w.advance(25h);
    CHECK(bed.ends_told().empty());
    // Also of one that is paused.
    w.advance(1h);
    CHECK(bed.ends_told() == texts{"2026-01-05T03:00:00Z"});
}

TEST_CASE("the end of a lease that is shorter than twice the lead is not announced",
          "[rest_hook]") {
    world w;
    expiring_bed bed(w, nullptr, {.expiring_lead = 1h});
    bed.make("short", 2h - 1s);
    bed.make("long", 2h);
    const auto changed = bed.make("changed", 5h);
    CHECK(bed.patch(changed, {{"lease_seconds", 3000}}) == 200);
    for (int i = 0; i < 12; ++i) w.advance(15min);
    CHECK(bed.ends_told() == texts{"2026-01-01T02:00:00Z"});
    expiring_bed never(w, nullptr, {.expiring_lead = 0s});
    never.make("a", 5h);
    for (int i = 0; i < 20; ++i) w.advance(15min);
    CHECK(never.ends_told().empty());
}

TEST_CASE("the end of a permission is announced as that of a lease", "[rest_hook]") {
    world w;
    expiring_bed bed(w, nullptr,
                     {.authorizer = [&w](const principal&, action, std::string_view) -> permission {
                         return {true, w.clock().wall_now() + 50h};
                     }});
    bed.create("a");
    w.advance(26h);
    CHECK(bed.ends_told() == texts{"2026-01-03T02:00:00Z"});
}

TEST_CASE("an end that was announced is not announced again after a restart", "[rest_hook]") {
    world w;
    const auto table = store::make_memory_table();
    {
        expiring_bed bed(w, table);
        bed.make("a", 72h);
        bed.make("b", 74h);
        w.advance(48h);
        CHECK(bed.ends_told() == texts{"2026-01-04T00:00:00Z"});
    }
    // One that was due meanwhile is late, and comes.
    w.advance(3h);
    expiring_bed bed(w, table);
    w.advance(1min);
    CHECK(bed.ends_told() == texts{"2026-01-04T02:00:00Z"});
    w.advance(20h);
    CHECK(bed.ends_told().empty());
}

TEST_CASE("of the managers on one table one announces an end", "[rest_hook]") {
    world w;
    const auto table = store::make_memory_table();
    expiring_bed one(w, table), other(w, table);
    for (int i = 0; i < 20; ++i) one.make("a" + std::to_string(i), 72h);
    w.advance(48h);
    w.advance(10min);
    CHECK(one.told->size() + other.told->size() == 20);
}

TEST_CASE("an end is announced later where the table does not take the mark",
          "[rest_hook][faulty]") {
    world w;
    const auto table = std::make_shared<faulty_table>();
    expiring_bed bed(w, table);
    bed.make("a", 72h);
    bed.make("b", 72h);
    table->plan().fail({.operation = "put", .times = 2});
    w.advance(48h);
    CHECK(bed.ends_told().empty());
    w.advance(59s);
    CHECK(bed.ends_told().empty());
    w.advance(1s);  // fails again
    w.advance(59s);
    CHECK(bed.ends_told().empty());
    w.advance(1s);
    CHECK(bed.ends_told().size() == 2);
    w.advance(1h);
    CHECK(bed.ends_told().empty());
}

TEST_CASE("the pause behind a mark that was not taken does not follow the wall clock",
          "[rest_hook][faulty]") {
    world w;
    const auto table = std::make_shared<faulty_table>();
    expiring_bed bed(w, table);
    bed.make("a", 72h);
    table->plan().fail({.operation = "put", .times = fault::always});
    w.advance(48h);
    for (int i = 0; i < 60; ++i) w.advance(1min);
    CHECK(bed.ends_told().empty());
    table->plan().heal();
    w.clock().set_wall(w.clock().wall_now() - 30min);
    w.advance(61s);
    CHECK(bed.ends_told().size() == 1);
}

TEST_CASE("a closed manager announces nothing", "[rest_hook]") {
    world w;
    const auto table = store::make_memory_table();
    std::optional<expiring_bed> bed(std::in_place, w, table);
    bed->make("a", 72h);
    const auto told = bed->told;
    bed->server.reset();
    w.advance(60h);
    CHECK(told->empty());
    bed.reset();
    expiring_bed later(w, table);
    w.advance(1min);
    CHECK(later.ends_told().size() == 1);
}

TEST_CASE("the end of what is pending is announced once its target has agreed", "[rest_hook]") {
    world w;
    rest_hook::manager_options o;
    o.proof.rules = {{.takes = {rest_hook::proof::echo}}};
    expiring_bed bed(w, nullptr, std::move(o));
    const auto id = bed.make("a", 60h);
    w.run_ready();
    std::string secret;
    for (const auto& r : bed.target.requests) secret = r.fields.get("x-hook-secret");
    REQUIRE_FALSE(secret.empty());
    w.advance(20h);
    CHECK(bed.w.request("POST", bed.url('/' + id + "/confirm"), "", {{"X-Hook-Secret", secret}})
              .status == 204);
    w.advance(15h);
    CHECK(bed.ends_told().empty());
    w.advance(1h);
    CHECK(bed.ends_told().size() == 1);
}

TEST_CASE("the end of a hub's subscription is announced, and a short lease's is not",
          "[rest_hook]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    int told = 0;
    const auto watch = bed.hub->subscribe("tidings.rest_hook.>", [&](const event_ptr&) { ++told; });
    REQUIRE(bed.subscribe({{"hub.lease_seconds", "7200"}}) == 202);
    w.advance(2h + 1min);
    CHECK(told == 0);
    REQUIRE(bed.subscribe({{"hub.lease_seconds", "259200"}}) == 202);
    w.advance(47h);
    CHECK(told == 0);
    w.advance(2h);
    CHECK(told == 1);
    // The renewal has an end of its own.
    REQUIRE(bed.subscribe({{"hub.lease_seconds", "259200"}}) == 202);
    w.advance(47h);
    CHECK(told == 1);
    w.advance(2h);
    CHECK(told == 2);
}

TEST_CASE("the mark of an end that was announced stands in the row", "[rest_hook]") {
    using namespace rest_hook::detail;
    hook_record h;
    h.id = "hook_1";
    h.topics = {"a"};
    h.target_url = "https://example.com/";
    h.secret = "whsec_x";
    h.lease_until = io::system_time(100h);
    CHECK(h.is_unannounced());
    h.announced = h.lease_until;
    CHECK_FALSE(h.is_unannounced());
    const auto read = read_row({h.id, to_row_value(h), 1});
    REQUIRE(read);
    CHECK(read->announced == h.announced);
    CHECK_FALSE(read->is_unannounced());
}

}  // namespace tidings::test
