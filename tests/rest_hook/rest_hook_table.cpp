// SPDX-License-Identifier: BSL-1.0
// The rows of the table and the subscriptions that follow them, and how both end.
#include "support/rest_hook_bed.hpp"

#include <tidings/store/memory_table.hpp>
#include <tidings/test/faulty_table.hpp>
#include <tidings/webhook/make_secret.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

}  // namespace

TEST_CASE("what the table holds is served again after a restart", "[rest_hook]") {
    world w;
    const auto table = store::make_memory_table();
    std::string id;
    json secret;
    {
        hook_bed bed(w, {.table = table});
        w.run_ready();
        const auto hook = bed.create("a", "/hook");
        id = hook.at("id");
        secret = hook.at("secret");
    }
    // More than one page, one row that is no subscription, one whose target may be called no more.
    for (int i = 0; i < 300; ++i)
        table->start_put("hook_" + std::to_string(i),
                         R"({"event":"b","target_url":"http://10.0.0.1/","secret":")" +
                             secret.get<std::string>() + R"("})",
                         0, {w.io().get_executor(), [](error_code, std::uint64_t) {}});
    table->start_put("junk", "junk", 0, {w.io().get_executor(), [](error_code, std::uint64_t) {}});
    hook_bed bed(w, {.table = table});
    const auto early = bed.get('/' + id);  // the load is quicker than any request
    CHECK(early.status == 200);
    CHECK(bed.hub->subscriptions() == 1);
    CHECK(bed.logged->find("a row of the table is no subscription") != std::string::npos);
    const auto refused = json::parse(bed.get("/hook_299").body);
    CHECK(refused.at("active") == false);

    // The sink stands at another port now: the row has the old one.
    CHECK(json::parse(early.body).at("active") == true);
    CHECK(bed.del(id).status == 204);
    CHECK(bed.hub->subscriptions() == 0);
}

TEST_CASE("a log sink may close the manager when a subscription cannot be served",
          "[rest_hook][fault-13]") {
    world w;
    bus hub(w.io());
    webhook::sender sender(w.io(), hook_sender_options(w));
    const auto table = store::make_memory_table();
    std::optional<rest_hook::manager> manager;
    bool said = false;
    manager.emplace(hub, sender,
                    rest_hook::manager_options{.table = table,
                                               .log =
                                                   [&](const log_record&) {
                                                       said = true;
                                                       manager->close();
                                                   },
                                               .environment = w.environment()});
    w.run_ready();
    table->start_put("hook_1",
                     R"({"event":"b","target_url":"http://10.0.0.1/","secret":")" +
                         webhook::make_secret() + R"("})",
                     0, {w.io().get_executor(), [](error_code, std::uint64_t) {}});
    w.run_ready();
    CHECK(said);
}

TEST_CASE("a subscription that another manager makes or ends is followed", "[rest_hook]") {
    world w;
    const auto table = store::make_memory_table();
    hook_bed one(w, {.table = table});
    hook_bed other(w, {.table = table});
    w.run_ready();
    const std::string id = one.create("a").at("id");
    CHECK(other.get('/' + id).status == 200);
    CHECK(other.hub->subscriptions() == 1);
    CHECK(other.del(id).status == 204);
    CHECK(one.get('/' + id).status == 404);
    CHECK(one.hub->subscriptions() == 0);
}

TEST_CASE("a row that changes replaces its subscription", "[rest_hook]") {
    world w;
    const auto table = store::make_memory_table();
    hook_bed bed(w, {.table = table});
    w.run_ready();
    const std::string id = bed.create("a").at("id");
    store::row row;
    table->start_get(id, {w.io().get_executor(), [&](error_code, store::row r) { row = r; }});
    w.run_ready();
    auto value = json::parse(row.value);
    value["topics"] = json::array({"b"});
    table->start_put(
        id, value.dump(), row.revision,
        {w.io().get_executor(), [](error_code ec, std::uint64_t) { CHECK_FALSE(ec); }});
    w.run_ready();
    CHECK(bed.hub->subscriptions() == 1);
    bed.publish("a");
    CHECK(bed.target.requests.empty());
    bed.publish("b");
    CHECK(bed.target.requests.size() == 1);
}

TEST_CASE("a table that fails is said, and nothing half done stays", "[rest_hook]") {
    world w;
    const auto table = std::make_shared<faulty_table>();
    hook_bed bed(w, {.table = table, .max_hooks = 1});
    w.run_ready();
    table->plan().fail({.operation = "put"});
    const auto refused = bed.post(bed.body("a"));
    CHECK(refused.status == 503);
    CHECK(refused.fields.get("retry-after") == "1");
    CHECK(bed.get().body == "[]");
    CHECK(bed.hub->subscriptions() == 0);

    table->plan().fail({.operation = "put", .error = errc::store_conflict});
    CHECK(bed.post(bed.body("a")).status == 409);

    const std::string id = bed.create("a").at("id");
    table->plan().fail({.operation = "erase"});
    CHECK(bed.del(id).status == 503);
    CHECK(bed.get('/' + id).status == 200);
    bed.publish("a");
    CHECK(bed.target.requests.size() == 1);
    CHECK(bed.del(id).status == 204);
}

TEST_CASE("until the table can be read, requests are put off", "[rest_hook]") {
    world w;
    const auto table = std::make_shared<faulty_table>();
    table->plan().fail({.operation = "scan", .times = fault::always});
    hook_bed bed(w, {.table = table});
    CHECK(bed.get().status == 503);
    CHECK(bed.post(bed.body("a")).status == 503);
    CHECK(table->plan().operations("scan") == 1);
    w.advance(1s);
    CHECK(table->plan().operations("scan") == 2);
    table->plan().heal();
    w.advance(2s);
    CHECK(table->plan().operations("scan") == 3);
    CHECK(bed.get().status == 200);
    CHECK(bed.post(bed.body("a")).status == 201);
}

TEST_CASE("what is owed when the manager ends is still delivered", "[rest_hook]") {
    world w;
    hook_bed bed(w);
    unsigned status = 500;
    bed.target.answer = [&](http::exchange& x) { x.respond({.status = status}); };
    bed.create("a");
    bed.publish("a");
    CHECK(bed.target.requests.size() == 1);
    bed.server.reset();
    w.run_ready();
    CHECK(bed.hub->subscriptions() == 0);
    bed.publish("a");
    CHECK(bed.target.requests.size() == 1);
    status = 204;
    w.advance(5s);
    CHECK(bed.target.requests.size() == 2);
    w.advance(1h);
    CHECK(bed.target.requests.size() == 2);
}

TEST_CASE("a manager that was closed serves nothing, and its last handle closes it",
          "[rest_hook]") {
    world w;
    bus hub(w.io());
    webhook::sender sender(w.io(), hook_sender_options(w));
    world_sink target(w);
    const auto table = store::make_memory_table();
    std::optional<rest_hook::manager> hooks(
        std::in_place, hub, sender,
        rest_hook::manager_options{.table = table, .environment = w.environment()});
    auto server = std::make_unique<http::server>(
        w.io(), http::server_options{.environment = w.environment()});
    server->mount("/hooks", rest_hook::manager(*hooks));
    server->start();
    w.run_ready();
    const auto url = url_of(*server, "/hooks");
    CHECK(w.request("POST", url, json{{"event", "a"}, {"target_url", target.url()}}.dump(),
                    {{"Content-Type", "application/json"}})
              .status == 201);
    CHECK(hub.subscriptions() == 1);
    SECTION("closed") {
        hooks->close();
        CHECK(hub.subscriptions() == 0);
        CHECK(w.request("GET", url).status == 503);
    }
    SECTION("one handle after the other") {
        hooks.reset();
        CHECK(hub.subscriptions() == 1);
        CHECK(w.request("GET", url).status == 200);
        server.reset();
        w.run_ready();
        CHECK(hub.subscriptions() == 0);
    }
}

TEST_CASE("manager, sender, bus and server end in any order", "[rest_hook]") {
    std::vector<int> order{0, 1, 2};
    do {
        for (int steps = 0; steps < 60; ++steps) {
            CAPTURE(order, steps);
            world w;
            hook_bed bed(w, {.table = store::make_memory_table()});
            w.run_ready();
            bed.create("a");
            bed.hub->publish("a", event("test", "/test", "x"));
            // Some of what follows has happened: a delivery, another subscription.
            http::client client(w.io(), {.environment = w.environment()});
            client.async_request(bed.url(),
                                 {.method = "POST",
                                  .fields = {{"Content-Type", "application/json"}},
                                  .body = bed.body("b")},
                                 [](error_code, http::response) {});
            w.io().restart();
            int done = 0;
            while (done < steps && w.io().poll_one() != 0) ++done;
            for (const int which : order) {
                if (which == 0) bed.hub.reset();
                if (which == 1) bed.sender.reset();
                if (which == 2) bed.server.reset();
            }
            if (done < steps) break;
        }
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("the context may end first", "[rest_hook]") {
    for (int steps = 0; steps < 60; ++steps) {
        CAPTURE(steps);
        world w;
        hook_bed bed(w, {.table = store::make_memory_table()});
        w.run_ready();
        bed.create("a");
        bed.target.answer = [](http::exchange& x) { x.respond({.status = 500}); };
        bed.hub->publish("a", event("test", "/test", "x"));
        w.io().restart();
        for (int i = 0; i < steps; ++i) w.io().poll_one();
        w.destroy_context();
    }
}

TEST_CASE("a manager may end before it is mounted, and after everything else", "[rest_hook]") {
    world w;
    std::optional<rest_hook::manager> manager;
    {
        bus hub(w.io());
        webhook::sender sender(w.io(), hook_sender_options(w));
        // As the first program of the README has it.
        [[maybe_unused]] rest_hook::manager unused{hub, sender};
        manager.emplace(hub, sender,
                        rest_hook::manager_options{.table = store::make_memory_table()});
        rest_hook::manager moved(std::move(*manager));
        *manager = std::move(moved);
    }
    w.run_ready();
    manager.reset();
}

}  // namespace tidings::test
