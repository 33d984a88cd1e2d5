// SPDX-License-Identifier: BSL-1.0
// The manager and its API, from a request to a delivery.
#include "support/rest_hook_bed.hpp"

#include <tidings/rest_hook/client.hpp>
#include <tidings/store/memory_table.hpp>
#include <tidings/test/faulty_table.hpp>
#include <tidings/webhook/make_secret.hpp>
#include <tidings/webhook/receiver.hpp>
#include <tidings/webhook/signature.hpp>

#include <algorithm>
#include <map>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

std::string detail_of(const http::response& r) {
    const auto problem = json::parse(r.body, nullptr, false);
    return problem.is_object() ? problem.value("detail", "") : "";
}

authenticator by_name() {
    return [](const credentials& c, error_code& ec) -> principal {
        if (c.authorization.empty()) ec = errc::unauthorized;
        return {.name = std::string(c.authorization), .anonymous = false};
    };
}

}  // namespace

TEST_CASE("a subscription is created, shown, listed and deleted", "[rest_hook]") {
    world w;
    hook_bed bed(w);
    CHECK(bed.get().body == "[]");

    const auto created = bed.post(bed.body("orders.>"));
    CHECK(created.status == 201);
    CHECK(created.fields.get("cache-control") == "no-store");
    auto hook = json::parse(created.body);
    const std::string id = hook.at("id");
    CHECK(created.fields.get("location") == "/hooks/" + id);
    CHECK(hook.at("event") == "orders.>");
    CHECK(hook.at("target_url") == bed.target.url());
    CHECK(hook.at("active") == true);
    CHECK(hook.at("created_at") == "2026-01-01T00:00:00Z");
    CHECK(hook.at("secret").get<std::string>().starts_with("whsec_"));

    hook.erase("secret");
    const auto shown = bed.get('/' + id);
    CHECK(shown.status == 200);
    CHECK(json::parse(shown.body) == hook);
    CHECK(json::parse(bed.get().body) == json::array({hook}));
    CHECK(json::parse(bed.get("/").body) == json::array({hook}));
    CHECK(json::parse(bed.get('/' + id + '/').body) == hook);

    CHECK(bed.del(id).status == 204);
    CHECK(bed.del(id).status == 404);
    CHECK(bed.get('/' + id).status == 404);
    CHECK(bed.get().body == "[]");
    CHECK(bed.hub->subscriptions() == 0);
}

TEST_CASE("a subscription's path may end in a slash", "[rest_hook][fault-15]") {
    world w;
    hook_bed bed(w);
    const std::string id = bed.create("a").at("id");
    CHECK(bed.get('/' + id + '/').status == 200);
    CHECK(bed.get('/' + id + "//").status == 404);
    CHECK(bed.del(id + '/').status == 204);
    CHECK(bed.get().body == "[]");
}

TEST_CASE("a subscription with a member that nobody knows is not made", "[rest_hook][fault-15]") {
    world w;
    hook_bed bed(w);
    const auto r =
        bed.post(json{{"event", "a"}, {"target_url", bed.target.url()}, {"active", false}}.dump());
    CHECK(r.status == 422);
    CHECK(detail_of(r).find("\"active\"") == 0);
    CHECK(bed.get().body == "[]");
}

TEST_CASE("an event goes to the target, signed with the secret that was answered", "[rest_hook]") {
    world w;
    hook_bed bed(w);
    const auto hook = bed.create("orders.>");
    bed.publish("orders.42.created", "hello");
    bed.publish("weather");
    REQUIRE(bed.target.requests.size() == 1);
    const auto& r = bed.target.requests[0];
    CHECK(r.method == "POST");
    CHECK(r.body == "hello");
    CHECK(r.fields.get("x-hook-subscription") == hook.at("id").get<std::string>());
    CHECK(r.fields.get("ce-topic") == "orders.42.created");
    const webhook::standard_verifier verifier(
        {webhook::secret(hook.at("secret").get<std::string>())});
    const auto find = [&](std::string_view name) { return r.fields.find(name); };
    CHECK_FALSE(verifier.verify(find, r.body, w.clock().wall_now()));
}

TEST_CASE("a secret that was given signs, and is not answered again", "[rest_hook]") {
    world w;
    hook_bed bed(w);
    const std::string secret = "whsec_" + std::string(32, 'B');
    const auto created =
        bed.post(json{{"topic", "a"}, {"url", bed.target.url()}, {"secret", secret}}.dump());
    CHECK(created.status == 201);
    CHECK(created.body.find("secret") == std::string::npos);
    bed.publish("a");
    REQUIRE(bed.target.requests.size() == 1);
    const auto& r = bed.target.requests[0];
    const auto find = [&](std::string_view name) { return r.fields.find(name); };
    const webhook::standard_verifier verifier({webhook::secret(secret)});
    CHECK_FALSE(verifier.verify(find, r.body, w.clock().wall_now()));
}

TEST_CASE("a target may want structured events", "[rest_hook]") {
    world w;
    hook_bed bed(w, {.form = webhook::body_form::structured});
    bed.create("a");
    bed.publish("a", "hello");
    REQUIRE(bed.target.requests.size() == 1);
    CHECK(json::parse(bed.target.requests[0].body).at("data") == "hello");
}

TEST_CASE("deleting stops deliveries, those that are owed too", "[rest_hook]") {
    world w;
    hook_bed bed(w);
    bed.target.answer = [](http::exchange& x) { x.respond({.status = 500}); };
    const auto hook = bed.create("a");
    bed.publish("a");
    CHECK(bed.target.requests.size() == 1);
    CHECK(bed.del(hook.at("id").get<std::string>()).status == 204);
    bed.publish("a");
    w.advance(1h);
    CHECK(bed.target.requests.size() == 1);
}

TEST_CASE("a target that answers 410 ends its subscription", "[rest_hook]") {
    world w;
    const auto table = store::make_memory_table();
    hook_bed bed(w, {.table = table});
    w.run_ready();
    const auto hook = bed.create("a");
    bed.create("a", "/hook?second");
    bed.target.answer = [](http::exchange& x) {
        x.respond({.status = x.request().query() == "second" ? 204U : 410U});
    };
    bed.publish("a");
    CHECK(bed.target.requests.size() == 2);
    CHECK(bed.get('/' + hook.at("id").get<std::string>()).status == 404);
    CHECK(json::parse(bed.get().body).size() == 1);
    bed.publish("a");
    CHECK(bed.target.requests.size() == 3);
    std::size_t rows = 0;
    table->start_scan("", 10,
                      {w.io().get_executor(),
                       [&](error_code, std::vector<store::row> page) { rows = page.size(); }});
    w.run_ready();
    CHECK(rows == 1);
}

TEST_CASE("a target or pattern that cannot be taken is refused with the reason", "[rest_hook]") {
    world w;
    hook_bed bed(w);
    struct row {
        std::string target;
        std::string detail;
    };
    const auto r = GENERATE(values<row>({
        {"not a url", "the URL is malformed"},
        {"/hook", "the URL is malformed"},
        {"http://", "the URL is malformed"},
        {"http://user:pass@127.0.0.1/", "the URL is malformed"},
        {"http://127.1/", "the URL is malformed"},
        {"http://0x7f.0.0.1/", "the URL is malformed"},
        {"https://127.0.0.1/", "the URL's scheme is not allowed"},
        {"ftp://127.0.0.1/", "the URL is malformed"},
        {"http://10.0.0.1/", "its port or address"},
        {"http://[fe80::1]/", "its port or address"},
        {"http://169.254.169.254/latest/meta-data", "its port or address"},
    }));
    CAPTURE(r.target);
    const auto refused = bed.post(json{{"event", "a"}, {"target_url", r.target}}.dump());
    CHECK(refused.status == 422);
    CHECK(detail_of(refused).find("the target URL is malformed or refused") == 0);
    CHECK(detail_of(refused).find(r.detail) != std::string::npos);
    CHECK(bed.get().body == "[]");
}

TEST_CASE("a request that is none of the API's is refused with the reason", "[rest_hook]") {
    world w;
    hook_bed bed(w);
    const auto ask = [&](std::string method, std::string_view path) {
        return w.request(std::move(method), bed.url(path));
    };
    const auto put = ask("PUT", "");
    CHECK(put.status == 405);
    CHECK(put.fields.get("allow") == "GET, HEAD, POST");
    const auto patch = ask("PATCH", "/hook_1");
    CHECK(patch.status == 405);
    CHECK(patch.fields.get("allow") == "GET, HEAD, DELETE");
    CHECK(ask("DELETE", "").status == 405);
    CHECK(ask("POST", "/hook_1").status == 405);
    CHECK(ask("GET", "/none").status == 404);
    CHECK(ask("GET", "/none/deeper").status == 404);
    CHECK(ask("DELETE", "/none").status == 404);
    CHECK(ask("GET", "/%zz").status == 400);
    CHECK(ask("GET", "?limit=0").status == 400);
    CHECK(ask("GET", "?limit=many").status == 400);
    CHECK(ask("GET", "?limit=-1").status == 400);
    CHECK(ask("GET", "?limit=1x").status == 400);
    CHECK(ask("GET", "?limit=99999999999999999999999").status == 200);
    CHECK(ask("GET", "?limit=%zz").status == 400);
    CHECK(bed.post("{").status == 400);
    CHECK(w.request("POST", bed.url(), "x", {{"Content-Type", "text/plain"}}).status == 415);
    // The server's limit, and its answer, where the service stands on one.
    CHECK(bed.post(std::string(20'000, ' ')).status == 413);
}

TEST_CASE("the list comes in pages, by age", "[rest_hook]") {
    world w;
    hook_bed bed(w, {.max_page = 3});
    std::vector<std::string> ids;
    for (int i = 0; i < 5; ++i) {
        ids.push_back(bed.create("a", "/hook?" + std::to_string(i)).at("id"));
        w.advance(1s);
    }
    std::vector<std::string> seen;
    std::string path = "?limit=2";
    for (int pages = 1;; ++pages) {
        const auto r = bed.get(path);
        const auto page = json::parse(r.body);
        for (const auto& hook : page) seen.push_back(hook.at("id"));
        const std::string link(r.fields.get("link"));
        if (link.empty()) {
            CHECK(pages == 3);
            break;
        }
        CHECK(link.find("</hooks?limit=2&after=") == 0);
        CHECK(link.ends_with(">; rel=\"next\""));
        path = link.substr(7, link.find('>') - 7);
    }
    CHECK(seen == ids);
    CHECK(json::parse(bed.get("?limit=5").body).size() == 3);  // max_page
    CHECK(json::parse(bed.get("?after=" + ids[3]).body).size() == 1);
    CHECK(bed.get("?after=" + ids[4]).body == "[]");
}

TEST_CASE("the same subscription twice is a conflict", "[rest_hook]") {
    world w;
    hook_bed bed(w);
    const auto hook = bed.create("a");
    const auto again = bed.post(bed.body("a"));
    CHECK(again.status == 409);
    CHECK(detail_of(again).find(hook.at("id").get<std::string>()) != std::string::npos);
    CHECK(bed.post(bed.body("b")).status == 201);
    CHECK(bed.post(bed.body("a", "/hook?other")).status == 201);
    bed.del(hook.at("id").get<std::string>());
    CHECK(bed.post(bed.body("a")).status == 201);
}

TEST_CASE("no more subscriptions are taken than the limits say", "[rest_hook]") {
    world w;
    hook_bed bed(w, {.authenticator = by_name(),
                     .authorizer = allow_all(),
                     .max_hooks = 3,
                     .max_hooks_per_principal = 2});
    const auto create = [&](const char* who, std::string_view event) {
        return bed.post(bed.body(event), {{"Authorization", who}}).status;
    };
    CHECK(create("ann", "a") == 201);
    CHECK(create("ann", "b") == 201);
    CHECK(create("ann", "c") == 429);
    CHECK(create("bob", "a") == 201);
    CHECK(create("cid", "a") == 429);
    const auto list = w.request("GET", bed.url(), {}, {{"Authorization", "bob"}});
    const std::string id = json::parse(list.body).at(0).at("id");
    CHECK(w.request("DELETE", bed.url('/' + id), {}, {{"Authorization", "bob"}}).status == 204);
    CHECK(create("cid", "a") == 201);
}

TEST_CASE("two requests at once cannot both take the last place", "[rest_hook]") {
    world w;
    hook_bed bed(w, {.max_hooks = 1});
    http::client client(w.io(), {.environment = w.environment()});
    std::vector<unsigned> answers;
    for (const auto* event : {"a", "b"})
        client.async_request(bed.url(),
                             {.method = "POST",
                              .fields = {{"Content-Type", "application/json"}},
                              .body = bed.body(event)},
                             [&](error_code, http::response r) { answers.push_back(r.status); });
    w.run_until([&] { return answers.size() == 2; });
    std::sort(answers.begin(), answers.end());
    CHECK(answers == std::vector<unsigned>{201, 429});
}

TEST_CASE("a principal sees and ends only its own subscriptions", "[rest_hook]") {
    world w;
    hook_bed bed(w, {.authenticator = by_name(), .authorizer = allow_all()});
    const http::fields ann{{"Authorization", "ann"}};
    const http::fields bob{{"Authorization", "bob"}};
    const std::string id = json::parse(bed.post(bed.body("a"), ann).body).at("id");
    CHECK(w.request("GET", bed.url(), {}, bob).body == "[]");
    CHECK(w.request("GET", bed.url('/' + id), {}, bob).status == 404);
    CHECK(w.request("DELETE", bed.url('/' + id), {}, bob).status == 404);
    CHECK(w.request("GET", bed.url('/' + id), {}, ann).status == 200);
    CHECK(w.request("GET", bed.url()).status == 401);
}

TEST_CASE("the authorizer is asked to manage, and to subscribe", "[rest_hook]") {
    world w;
    std::vector<std::string> asked;
    hook_bed bed(
        w, {.authorizer = [&](const principal&, action a, std::string_view topic) {
            asked.push_back((a == action::manage ? "manage " : "subscribe ") + std::string(topic));
            return a == action::manage || topic.starts_with("orders.");
        }});
    CHECK(bed.post(bed.body("orders.>")).status == 201);
    CHECK(asked == std::vector<std::string>{"manage ", "subscribe orders.>"});
    const auto refused = bed.post(bed.body(">"));
    CHECK(refused.status == 403);
    CHECK(detail_of(refused) == "subscribe >");

    world other;
    hook_bed closed(
        other, {.authorizer = [](const principal&, action, std::string_view) { return false; }});
    CHECK(closed.get().status == 403);
    CHECK(closed.post(closed.body("orders.>")).status == 403);
    CHECK(closed.post("{").status == 403);
}

TEST_CASE("peers from elsewhere manage nothing without an authorizer", "[rest_hook]") {
    world w;
    w.sim().set_link({.client_address = "192.0.2.7"});
    const bool leave = GENERATE(false, true);
    hook_bed bed(
        w, {.authenticator = allow_anonymous(), .authorizer = leave ? allow_all() : authorizer()});
    const auto r = bed.get();
    CHECK(r.status == (leave ? 200 : 403));
    if (!leave) CHECK(detail_of(r).find("authorizer") != std::string::npos);

    // Nor is anybody from elsewhere known to the default authenticator.
    hook_bed closed(w, {.authorizer = allow_all()});
    CHECK(closed.get().status == 401);
}

TEST_CASE("a page of another site cannot manage subscriptions", "[rest_hook]") {
    world w;
    hook_bed bed(w);
    CHECK(w.request("GET", bed.url(), {}, {{"Origin", "https://evil.example"}}).status == 403);
    const auto host = bed.url().substr(0, bed.url().rfind('/'));
    CHECK(w.request("GET", bed.url(), {}, {{"Origin", host}}).status == 200);
}

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
    value["event"] = "b";
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

TEST_CASE("without a bus or a sender nothing is taken", "[rest_hook]") {
    world w;
    hook_bed bed(w);
    const bool without_bus = GENERATE(true, false);
    without_bus ? bed.hub.reset() : bed.sender.reset();
    w.run_ready();
    const auto r = bed.post(bed.body("a"));
    CHECK(r.status == 503);
    CHECK(detail_of(r) == "subscribing failed: closed");
    CHECK(bed.get().body == "[]");
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

TEST_CASE("the client subscribes a receiver, and takes it off again", "[rest_hook]") {
    world w;
    hook_bed bed(w);
    bus own(w.io());
    std::vector<std::string> seen;
    const auto watch = own.subscribe(">", [&](const event_ptr& e) {
        seen.push_back(e->topic() + '=' + std::string(e->text()));
    });
    const std::string secret = "whsec_" + std::string(32, 'C');
    http::server here(w.io(), {.environment = w.environment()});
    here.mount("/in",
               webhook::receiver(own, {.verifier = std::make_shared<webhook::standard_verifier>(
                                           std::vector{webhook::secret(secret)})}));
    here.start();

    rest_hook::client client(w.io(), {.api_url = bed.url("/"),
                                      .event = "orders.>",
                                      .target_url = url_of(here, "/in"),
                                      .secret = secret,
                                      .environment = w.environment()});
    std::optional<std::pair<error_code, rest_hook::registration>> made;
    client.async_subscribe([&](error_code ec, rest_hook::registration r) { made = {ec, r}; });
    w.run_until([&] { return made.has_value(); });
    CHECK_FALSE(made->first);
    CHECK(made->second.secret == secret);
    CHECK(client.id() == made->second.id);

    bed.publish("orders.42.created", "hello");
    w.run_until([&] { return !seen.empty(); });
    CHECK(seen == std::vector<std::string>{"orders.42.created=hello"});

    std::optional<error_code> gone;
    client.async_unsubscribe([&](error_code ec) { gone = ec; });
    w.run_until([&] { return gone.has_value(); });
    CHECK_FALSE(*gone);
    CHECK(client.id().empty());
    CHECK(bed.get().body == "[]");
    gone.reset();
    client.async_unsubscribe([&](error_code ec) { gone = ec; });
    w.run_until([&] { return gone.has_value(); });
    CHECK(*gone == errc::not_found);
}

TEST_CASE("the client gets the secret that was made, and why it was refused", "[rest_hook]") {
    world w;
    struct row {
        std::string event, target, secret;
        error_code error;
    };
    const auto r = GENERATE(values<row>({
        {"a", "http://127.0.0.1:9/", "", {}},
        {"a..b", "http://127.0.0.1:9/", "", errc::hook_bad_event},
        {"a", "https://127.0.0.1:9/", "", errc::hook_bad_target},
        {"a", "http://127.0.0.1:9/", "short", errc::webhook_invalid_secret},
        {"a", "", "", errc::invalid_argument},
    }));
    CAPTURE(r.event, r.target, r.secret);
    hook_bed bed(w);
    std::string logged;
    rest_hook::client client(w.io(), {.api_url = bed.url(),
                                      .event = r.event,
                                      .target_url = r.target,
                                      .secret = r.secret,
                                      .log = [&](const log_record& l) { logged = l.message; },
                                      .environment = w.environment()});
    std::optional<std::pair<error_code, rest_hook::registration>> made;
    client.async_subscribe([&](error_code ec, rest_hook::registration s) { made = {ec, s}; });
    w.run_until([&] { return made.has_value(); });
    CHECK(made->first == r.error);
    CHECK(made->second.secret.starts_with("whsec_") == !r.error);
    CHECK(logged.empty() == !r.error);
    CHECK(client.id().empty() == static_cast<bool>(r.error));
}

TEST_CASE("the client says what else stood in the way", "[rest_hook]") {
    world w;
    world_sink server(w);
    struct row {
        unsigned status;
        std::string body;
        error_code error;
    };
    const auto r = GENERATE(values<row>({{401, "", errc::unauthorized},
                                         {403, "{}", errc::forbidden},
                                         {404, "x", errc::not_found},
                                         {409, "", errc::store_conflict},
                                         {429, "", errc::too_many},
                                         {503, "", errc::shutting_down},
                                         {500, "", errc::http_status},
                                         {302, "", errc::http_status},
                                         {422, "[]", errc::hook_bad_target},
                                         {201, "", errc::invalid_json},
                                         {201, "{}", errc::invalid_json},
                                         {201, R"({"id":7})", errc::invalid_json}}));
    CAPTURE(r.status, r.body);
    server.answer = [&](http::exchange& x) {
        CHECK(x.request().fields.get("authorization") == "Bearer token");
        x.respond({.status = r.status, .body = r.body});
    };
    rest_hook::client client(w.io(), {.api_url = server.url(),
                                      .event = "a",
                                      .target_url = "http://x/",
                                      .token = "token",
                                      .environment = w.environment()});
    std::optional<error_code> ended;
    client.async_subscribe([&](error_code ec, rest_hook::registration) { ended = ec; });
    w.run_until([&] { return ended.has_value(); });
    CHECK(*ended == r.error);
}

TEST_CASE("a client that ends completes what is under way", "[rest_hook]") {
    world w;
    world_sink server(w);
    std::optional<http::exchange> held;
    server.answer = [&](http::exchange& x) { held.emplace(std::move(x)); };
    std::optional<rest_hook::client> client(
        std::in_place, w.io(),
        rest_hook::client_options{.api_url = server.url(),
                                  .event = "a",
                                  .target_url = "http://x/",
                                  .environment = w.environment()});
    std::optional<error_code> ended;
    client->async_subscribe([&](error_code ec, rest_hook::registration) { ended = ec; });
    w.run_until([&] { return held.has_value(); });
    client.reset();
    w.run_until([&] { return ended.has_value(); });
    CHECK(*ended == errc::closed);
    held.reset();
}

TEST_CASE("everything works on real sockets", "[rest_hook]") {
    world w(transport::tcp);
    hook_bed bed(w);
    const auto hook = bed.create("orders.>");
    bed.hub->publish("orders.1", event("test", "/test", "hello"));
    w.run_until([&] { return bed.target.requests.size() == 1; });
    CHECK(bed.target.requests[0].body == "hello");
    CHECK(bed.del(hook.at("id").get<std::string>()).status == 204);
}

}  // namespace tidings::test
