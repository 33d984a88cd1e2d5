// SPDX-License-Identifier: BSL-1.0
// Subscriptions that change: by whom, to what, and what becomes of their events.
#include "support/rest_hook_bed.hpp"

#include <tidings/store/memory_table.hpp>
#include <tidings/test/faulty_table.hpp>
#include <tidings/webhook/standard_verifier.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

json problem_in(const http::response& r) {
    CHECK(r.fields.get("content-type") == "application/problem+json");
    return json::parse(r.body);
}

authenticator by_name() {
    return [](const credentials& c, error_code& ec) -> principal {
        if (c.authorization.empty()) ec = errc::unauthorized;
        return {.name = std::string(c.authorization), .anonymous = false};
    };
}

/// A bed that makes changes.
struct change_bed : hook_bed {
    using hook_bed::hook_bed;

    http::response ask(std::string method, std::string_view path, const json& body = nullptr,
                       http::fields fields = {}) {
        fields.set("Content-Type", "application/json");
        return w.request(std::move(method), url(path), body.is_null() ? "" : body.dump(),
                         std::move(fields));
    }
    http::response patch(const std::string& id, const json& body, http::fields fields = {}) {
        return ask("PATCH", '/' + id, body, std::move(fields));
    }
    std::string make(std::string_view event, std::string_view path = "/hook") {
        return create(event, path).at("id");
    }
    std::vector<std::string> topics_seen() {
        std::vector<std::string> topics;
        for (const auto& r : std::exchange(target.requests, {}))
            topics.push_back(std::string(r.fields.get("ce-topic")));
        return topics;
    }
};

/// A request whose answer is waited for elsewhere.
struct asking {
    asking(world& w, std::string method, std::string url, const json& body,
           http::fields fields = {})
        : client(w.io(), {.environment = w.environment()}) {
        fields.set("Content-Type", "application/json");
        client.async_request(
            std::move(url),
            {.method = std::move(method), .fields = std::move(fields), .body = body.dump()},
            [into = answer](error_code, http::response r) { *into = std::move(r); });
        w.run_ready();
    }
    const std::shared_ptr<std::optional<http::response>> answer =
        std::make_shared<std::optional<http::response>>();
    http::client client;
};

using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a subscription is changed in part, or as a whole", "[rest_hook]") {
    world w;
    change_bed bed(w);
    const auto id = bed.make("a");
    w.advance(1s);
    const auto patched = bed.patch(id, {{"topics", {"b", "c"}}, {"description", "mine"}});
    CHECK(patched.status == 200);
    auto hook = json::parse(patched.body);
    CHECK(hook.at("topics") == json::array({"b", "c"}));
    CHECK(hook.at("description") == "mine");
    CHECK(hook.at("created_at") == "2026-01-01T00:00:00Z");
    CHECK(hook.at("updated_at") == "2026-01-01T00:00:01Z");
    CHECK_FALSE(hook.contains("secret"));
    CHECK(json::parse(bed.get('/' + id).body) == hook);
    bed.publish("a");
    bed.publish("b");
    bed.publish("c");
    CHECK(bed.topics_seen() == texts{"b", "c"});

    const auto put = bed.ask("PUT", '/' + id + '/',
                             {{"event", "d"}, {"target_url", bed.target.url("/hook/other")}});
    CHECK(put.status == 200);
    hook = json::parse(put.body);
    CHECK(hook.at("event") == "d");
    CHECK_FALSE(hook.contains("description"));
    bed.publish("b");
    bed.publish("d");
    CHECK(bed.target.requests.size() == 1);
    CHECK(bed.target.requests.at(0).path() == "/hook/other");
    CHECK(bed.hub->subscriptions() == 1);
    // What was read may be written.
    CHECK(bed.ask("PUT", '/' + id, json::parse(bed.get('/' + id).body)).status == 200);
}

TEST_CASE("a change that is refused changes nothing", "[rest_hook]") {
    world w;
    change_bed bed(w);
    const auto id = bed.make("a");
    const auto before = bed.get('/' + id).body;
    for (const auto& [body, member] :
         std::vector<std::pair<json, std::string>>{{{{"topics", {"a", "b..c"}}}, "topics"},
                                                   {{{"url", "http://10.0.0.1/"}}, "target_url"},
                                                   {{{"id", "hook_2"}}, "id"},
                                                   {{{"secret", "short"}}, "secret"},
                                                   {{{"headers", {{"Host", "x"}}}}, "headers"},
                                                   {{{"nothing", 1}}, "nothing"}}) {
        const auto no = bed.patch(id, body);
        CHECK(no.status == 422);
        CHECK(problem_in(no).at("member") == member);
    }
    CHECK(bed.ask("PUT", '/' + id, json::object()).status == 400);
    CHECK(bed.patch("hook_none", json::object()).status == 404);
    CHECK(bed.get('/' + id).body == before);
}

TEST_CASE("an event that several patterns match is delivered once", "[rest_hook]") {
    world w;
    change_bed bed(w);
    const auto made = bed.post(
        json{{"topics", {"orders.*", "*.created", "orders.>"}}, {"url", bed.target.url()}}.dump());
    REQUIRE(made.status == 201);
    const std::string id = json::parse(made.body).at("id");
    bed.publish("orders.created");
    CHECK(bed.topics_seen() == texts{"orders.created"});
    bed.publish("orders.1.created");
    bed.publish("users.created");
    CHECK(bed.topics_seen() == texts{"orders.1.created", "users.created"});
    // A pattern in front of one that stays takes nothing from it, nor brings anything twice.
    bed.hub->publish("orders.paid", event("test", "/test", "x"));
    CHECK(bed.patch(id, {{"topics", {">", "orders.>"}}}).status == 200);
    bed.publish("orders.closed");
    CHECK(bed.topics_seen() == texts{"orders.paid", "orders.closed"});
}

TEST_CASE("a paused subscription takes nothing, and what is owed goes on", "[rest_hook]") {
    world w;
    change_bed bed(w);
    unsigned status = 500;
    bed.target.answer = [&](http::exchange& x) { x.respond({.status = status}); };
    const auto id = bed.make("a");
    bed.publish("a", "owed");
    CHECK(bed.topics_seen() == texts{"a"});
    const auto paused = bed.ask("POST", '/' + id + "/pause");
    CHECK(paused.status == 200);
    CHECK(json::parse(paused.body).at("state") == "paused");
    CHECK(json::parse(paused.body).at("active") == false);
    CHECK(bed.hub->subscriptions() == 0);
    status = 204;
    bed.publish("a", "passed by");
    w.advance(5s);
    REQUIRE(bed.target.requests.size() == 1);
    CHECK(bed.target.requests[0].body == "owed");
    CHECK(bed.ask("POST", '/' + id + "/pause").status == 200);

    const auto resumed = bed.ask("POST", '/' + id + "/resume/");
    CHECK(resumed.status == 200);
    CHECK(json::parse(resumed.body).at("state") == "active");
    bed.publish("a", "new");
    REQUIRE(bed.target.requests.size() == 2);
    CHECK(bed.target.requests[1].body == "new");
    CHECK(bed.patch(id, {{"active", false}}).status == 200);
    CHECK(bed.hub->subscriptions() == 0);
    CHECK(bed.ask("POST", "/none/pause").status == 404);
}

TEST_CASE("one that the sender disabled says why, and is enabled by its owner", "[rest_hook]") {
    world w;
    auto sending = hook_sender_options(w);
    sending.health = {.open_after = 0, .disable_after = 3, .disable_after_time = 1h};
    change_bed bed(w, {}, std::move(sending));
    unsigned status = 500;
    bed.target.answer = [&](http::exchange& x) { x.respond({.status = status}); };
    const auto id = bed.make("a");
    for (int i = 0; i < 20; ++i) {
        bed.publish("a");
        w.advance(1h);
    }
    const auto shown = json::parse(bed.get('/' + id).body);
    CHECK(shown.at("state") == "disabled");
    CHECK_FALSE(shown.at("reason").get<std::string>().empty());
    CHECK(json::parse(bed.get("?state=disabled").body).size() == 1);
    CHECK(bed.get("?state=active").body == "[]");
    CHECK(bed.ask("POST", '/' + id + "/ping").status == 409);
    CHECK(bed.patch(id, {{"description", "still"}}).status == 200);
    CHECK(json::parse(bed.get('/' + id).body).at("state") == "disabled");

    status = 204;
    bed.target.requests.clear();
    CHECK(bed.ask("POST", '/' + id + "/resume").status == 200);
    w.run_ready();
    CHECK(json::parse(bed.get('/' + id).body).at("state") == "active");
    bed.target.requests.clear();
    bed.publish("a", "again");
    REQUIRE_FALSE(bed.target.requests.empty());
    CHECK(bed.target.requests.back().body == "again");
}

TEST_CASE("of two changes for one revision the second is refused", "[rest_hook]") {
    world w;
    const auto table = std::make_shared<faulty_table>();
    change_bed bed(w, {.table = table});
    w.run_ready();
    const auto made = bed.post(bed.body("a"));
    const std::string id = json::parse(made.body).at("id");
    const http::fields first{{"If-Match", made.fields.get("etag")}};
    CHECK(bed.get('/' + id).fields.get("etag") == made.fields.get("etag"));

    table->plan().hold();  // both are on their way at once
    asking one(w, "PATCH", bed.url('/' + id), {{"description", "one"}}, first);
    asking other(w, "PATCH", bed.url('/' + id), {{"description", "other"}}, first);
    table->plan().release();
    w.run_ready();
    REQUIRE(*one.answer);
    REQUIRE(*other.answer);
    CHECK((*one.answer)->status == 200);
    CHECK((*other.answer)->status == 412);
    CHECK(json::parse(bed.get('/' + id).body).at("description") == "one");
    for (const auto* const method : {"PUT", "PATCH", "DELETE"})
        CHECK(
            bed.ask(method, '/' + id, {{"event", "a"}, {"url", bed.target.url()}}, first).status ==
            412);
    CHECK(bed.ask("POST", '/' + id + "/pause", nullptr, first).status == 412);
    const http::fields now{{"If-Match", (*one.answer)->fields.get("etag")}};
    // Another process was quicker, and this one has not heard of it.
    table->plan().fail({.operation = "put", .error = errc::store_conflict});
    CHECK(bed.patch(id, {{"description", "late"}}, now).status == 412);
    table->plan().fail({.operation = "erase", .error = errc::store_conflict});
    CHECK(bed.ask("DELETE", '/' + id, nullptr, now).status == 412);
    CHECK(bed.ask("DELETE", '/' + id, nullptr, now).status == 204);
}

TEST_CASE("changes without a revision are made one after the other", "[rest_hook]") {
    world w;
    const auto table = std::make_shared<faulty_table>();
    change_bed bed(w, {.table = table});
    w.run_ready();
    const auto id = bed.make("a");
    table->plan().hold();
    asking one(w, "PATCH", bed.url('/' + id), {{"description", "one"}});
    asking other(w, "PATCH", bed.url('/' + id), {{"metadata", {{"a", "b"}}}});
    table->plan().release();
    w.run_ready();
    CHECK((*one.answer)->status == 200);
    CHECK((*other.answer)->status == 200);
    const auto hook = json::parse(bed.get('/' + id).body);
    CHECK(hook.at("description") == "one");
    CHECK(hook.at("metadata") == json{{"a", "b"}});
}

TEST_CASE("a subscription that is deleted while it is changed stays deleted", "[rest_hook]") {
    world w;
    const auto table = std::make_shared<faulty_table>();
    change_bed bed(w, {.table = table});
    w.run_ready();
    const auto id = bed.make("a");
    table->plan().fail({.operation = "put", .error = errc::store_conflict});
    table->plan().hold();
    asking change(w, "PATCH", bed.url('/' + id), {{"description", "late"}});
    asking gone(w, "DELETE", bed.url('/' + id), {});
    table->plan().release();
    w.run_ready();
    CHECK((*change.answer)->status == 404);
    CHECK((*gone.answer)->status == 204);
    CHECK(bed.get('/' + id).status == 404);
    CHECK(bed.hub->subscriptions() == 0);
}

TEST_CASE("whichever operation fails, a change is made or is not", "[rest_hook][faulty]") {
    const auto* const operation = GENERATE("put", "get");
    const bool after = GENERATE(false, true);
    CAPTURE(operation, after);
    world w;
    const auto table = std::make_shared<faulty_table>();
    change_bed bed(w, {.table = table, .table_timeout = 3s});
    w.run_ready();
    const auto id = bed.make("a");
    if (operation == std::string("get"))
        table->plan().fail({.operation = "put", .error = errc::store_conflict});
    table->plan().fail({.operation = operation, .nth = 1, .after = after});
    const auto no = bed.patch(id, {{"topics", {"b"}}});
    CHECK(no.status == 503);
    CHECK(no.fields.get("retry-after") == "1");
    w.run_ready();
    const auto now = json::parse(bed.get('/' + id).body).at("event");
    CHECK(now == (after && operation == std::string("put") ? "b" : "a"));
    CHECK(bed.patch(id, {{"topics", {"b"}}}).status == 200);
    bed.publish("b");
    CHECK(bed.topics_seen() == texts{"b"});

    table->plan().hold();
    asking waits(w, "PATCH", bed.url('/' + id), {{"topics", {"c"}}});
    w.advance(3100ms);
    REQUIRE(*waits.answer);
    CHECK((*waits.answer)->status == 503);
    table->plan().release();
    w.run_ready();
    bed.publish("c");
    CHECK(bed.topics_seen() == texts{"c"});  // it was made all the same
}

TEST_CASE("a change that would make two subscriptions the same is refused", "[rest_hook]") {
    world w;
    change_bed bed(w);
    const auto first = bed.make("a");
    const auto second = bed.make("b");
    const auto no = bed.patch(second, {{"event", "a"}});
    CHECK(no.status == 409);
    CHECK(problem_in(no).at("detail").get<std::string>().find(first) != std::string::npos);
    CHECK(bed.patch(first, {{"event", "a"}}).status == 200);  // is what it is
    CHECK(bed.patch(second, {{"topics", {"a", "b"}}}).status == 200);
    CHECK(bed.post(json{{"topics", {"b", "a"}}, {"url", bed.target.url("/hook")}}.dump()).status ==
          409);
}

TEST_CASE("a change of topics asks the authorizer, as does a whole one", "[rest_hook]") {
    world w;
    texts asked;
    change_bed bed(w, {.authorizer = [&](const principal&, action a, std::string_view topic) {
                       if (a == action::subscribe) asked.push_back(std::string(topic));
                       return topic != "secret";
                   }});
    const auto id = bed.make("a");
    asked.clear();
    CHECK(bed.patch(id, {{"description", "x"}}).status == 200);
    CHECK(asked.empty());
    CHECK(bed.patch(id, {{"topics", {"a", "b"}}}).status == 200);
    CHECK(asked == texts{"a", "b"});
    CHECK(bed.patch(id, {{"topics", {"a", "secret"}}}).status == 403);
    asked.clear();
    CHECK(bed.ask("PUT", '/' + id, {{"topics", {"a", "b"}}, {"url", bed.target.url()}}).status ==
          200);
    CHECK(asked == texts{"a", "b"});
}

TEST_CASE("a secret is rotated, and the one before signs until its end", "[rest_hook]") {
    world w;
    change_bed bed(w);
    const auto made = bed.create("a");
    const std::string id = made.at("id");
    const auto rotated = bed.ask("POST", '/' + id + "/rotate", {{"overlap_seconds", 60}});
    CHECK(rotated.status == 200);
    const std::string fresh = json::parse(rotated.body).at("secret");
    CHECK(fresh.starts_with("whsec_"));
    const auto verifies = [&](const std::string& secret) {
        bed.target.requests.clear();
        bed.publish("a");
        REQUIRE(bed.target.requests.size() == 1);
        const auto& r = bed.target.requests[0];
        const webhook::standard_verifier v({webhook::secret(secret)});
        return !v.verify([&](std::string_view name) { return r.fields.find(name); }, r.body,
                         w.clock().wall_now());
    };
    CHECK(verifies(fresh));
    CHECK(verifies(made.at("secret")));
    w.advance(61s);
    CHECK(verifies(fresh));
    CHECK_FALSE(verifies(made.at("secret")));
    CHECK(bed.get('/' + id).body.find("whsec_") == std::string::npos);

    const std::string own = "whsec_" + std::string(32, 'D');
    const auto given = bed.ask("POST", '/' + id + "/rotate", {{"secret", own}});
    CHECK(given.status == 200);
    CHECK(given.body.find("whsec_") == std::string::npos);
    CHECK(bed.ask("POST", '/' + id + "/rotate", {{"secret", own}}).status == 422);
    CHECK(bed.ask("POST", '/' + id + "/rotate", {{"overlap_seconds", 700'000}}).status == 422);
    CHECK(bed.ask("POST", '/' + id + "/rotate", {{"other", 1}}).status == 422);
    for (int i = 1; i < 10; ++i) CHECK(bed.ask("POST", '/' + id + "/rotate").status == 200);
    CHECK(bed.ask("POST", '/' + id + "/rotate").status == 409);
    CHECK(bed.ask("POST", '/' + id + "/rotate", {{"overlap_seconds", 0}}).status == 409);
}

TEST_CASE("headers go with each delivery, and are shown to nobody", "[rest_hook]") {
    world w;
    change_bed bed(w);
    const auto made = bed.post(json{{"event", "a"},
                                    {"url", bed.target.url()},
                                    {"headers", {{"Authorization", "Bearer hidden"}}}}
                                   .dump());
    const std::string id = json::parse(made.body).at("id");
    CHECK(made.body.find("hidden") == std::string::npos);
    bed.publish("a");
    REQUIRE(bed.target.requests.size() == 1);
    CHECK(bed.target.requests[0].fields.get("authorization") == "Bearer hidden");
    CHECK(bed.patch(id, {{"headers", {{"authorization", "***"}, {"X-More", "1"}}}}).status == 200);
    bed.publish("a");
    CHECK(bed.target.requests[1].fields.get("authorization") == "Bearer hidden");
    CHECK(bed.target.requests[1].fields.get("x-more") == "1");
    CHECK(bed.get().body.find("hidden") == std::string::npos);
}

TEST_CASE("a lease ends a subscription unless it is renewed", "[rest_hook]") {
    world w;
    const auto table = store::make_memory_table();
    change_bed bed(w, {.table = table, .max_lease = 100s});
    w.run_ready();
    const auto renewed = bed.make("a");
    const auto ends = bed.make("b");
    CHECK(json::parse(bed.get('/' + ends).body).at("expiration_date") == "2026-01-01T00:01:40Z");
    w.advance(99s);
    CHECK(bed.patch(renewed, {{"lease_seconds", 1000}}).status == 200);
    w.advance(2s);
    CHECK(bed.get('/' + ends).status == 404);
    bed.publish("a");
    bed.publish("b");
    CHECK(bed.topics_seen() == texts{"a"});
    w.advance(98s);
    CHECK(bed.get('/' + renewed).status == 404);
    CHECK(bed.hub->subscriptions() == 0);
}

TEST_CASE("a renewal that another manager wrote outlives the end it replaced", "[rest_hook]") {
    world w;
    const auto table = std::make_shared<faulty_table>();
    change_bed one(w, {.table = table});
    change_bed other(w, {.table = table});
    w.run_ready();
    const auto made =
        one.post(json{{"event", "a"}, {"url", one.target.url()}, {"lease_seconds", 60}}.dump());
    const std::string id = json::parse(made.body).at("id");
    w.advance(59s);
    CHECK(other.patch(id, {{"lease_seconds", 60}}).status == 200);
    w.advance(30s);
    for (auto* const bed : {&one, &other}) {
        CHECK(bed->get('/' + id).status == 200);
        CHECK(bed->hub->subscriptions() == 1);
    }
}

TEST_CASE("any manager on a table answers any request", "[rest_hook]") {
    world w;
    const auto table = store::make_memory_table();
    change_bed one(w, {.table = table});
    change_bed other(w, {.table = table});
    w.run_ready();
    const auto id = one.make("a");
    CHECK(other.patch(id, {{"event", "b"}}).status == 200);
    CHECK(one.ask("POST", '/' + id + "/pause").status == 200);
    CHECK(one.hub->subscriptions() + other.hub->subscriptions() == 0);
    CHECK(other.ask("POST", '/' + id + "/resume").status == 200);
    one.publish("b");
    other.publish("b");
    CHECK(one.topics_seen() == texts{"b", "b"});
    CHECK(one.get('/' + id).fields.get("etag") == other.get('/' + id).fields.get("etag"));
    CHECK(one.get().body == other.get().body);
    CHECK(one.ask("DELETE", '/' + id).status == 204);
    CHECK(other.get().body == "[]");
}

TEST_CASE("a request with a key is done once, and answered as often as it is made", "[rest_hook]") {
    world w;
    const auto table = std::make_shared<faulty_table>();
    change_bed bed(w, {.table = table});
    w.run_ready();
    const http::fields key{{"Idempotency-Key", "k-1"}};
    table->plan().hold();
    asking first(w, "POST", bed.url(), json::parse(bed.body("a")), key);
    CHECK(bed.post(bed.body("a"), key).status == 409);
    table->plan().release();
    w.run_ready();
    REQUIRE(*first.answer);
    const auto again = bed.post(json::parse(bed.body("a")).dump(), key);
    CHECK(again.status == 201);
    CHECK(again.body == (*first.answer)->body);
    CHECK(again.fields.get("location") == (*first.answer)->fields.get("location"));
    CHECK(bed.post(bed.body("b"), key).status == 422);
    CHECK(bed.post(bed.body("a"), {{"Idempotency-Key", "k-2"}}).status == 409);
    CHECK(json::parse(bed.get().body).size() == 1);
    CHECK(bed.post(bed.body("c"), {{"Idempotency-Key", ""}}).status == 400);
    CHECK(bed.post(bed.body("c"), {{"Idempotency-Key", std::string(256, 'k')}}).status == 400);
    // What was refused may be tried again.
    const http::fields other{{"Idempotency-Key", "k-3"}};
    table->plan().fail({.operation = "put"});
    CHECK(bed.post(bed.body("d"), other).status == 503);
    CHECK(bed.post(bed.body("d"), other).status == 201);
}

TEST_CASE("an operator sees the subscriptions of all, an owner its own", "[rest_hook]") {
    world w;
    change_bed bed(w, {.authenticator = by_name(),
                       .authorizer = allow_all(),
                       .is_operator = [](const principal& p) { return p.name == "root"; }});
    const http::fields ann{{"Authorization", "ann"}}, bob{{"Authorization", "bob"}},
        root{{"Authorization", "root"}};
    const std::string id = json::parse(bed.post(bed.body("a"), ann).body).at("id");
    bed.post(bed.body("b"), bob);
    const auto ids = [&](std::string_view query, const http::fields& who) {
        return json::parse(bed.ask("GET", query, nullptr, who).body).size();
    };
    CHECK(ids("", ann) == 1);
    CHECK(ids("", root) == 2);
    CHECK(ids("?owner=ann", root) == 1);
    CHECK(ids("?owner=ann", ann) == 1);
    CHECK(bed.ask("GET", "?owner=ann", nullptr, bob).status == 403);
    CHECK(bed.patch(id, {{"description", "x"}}, bob).status == 404);
    for (const auto* const part : {"/pause", "/rotate", "/ping", "/test", "/redeliver"})
        CHECK(bed.ask("POST", '/' + id + part, nullptr, bob).status == 404);
    for (const auto* const part : {"/deliveries", "/attempts"})
        CHECK(bed.ask("GET", '/' + id + part, nullptr, bob).status == 404);
    const auto changed = bed.patch(id, {{"description", "x"}}, root);
    CHECK(changed.status == 200);
    CHECK(json::parse(changed.body).at("owner") == "ann");
    CHECK(bed.ask("DELETE", '/' + id, nullptr, root).status == 204);
}

TEST_CASE("a list is of a topic, a state or an owner, page by page", "[rest_hook]") {
    world w;
    change_bed bed(w);
    const auto first = bed.make("orders.>");
    w.advance(1s);
    const auto second = bed.make("orders.*.paid");
    w.advance(1s);
    bed.make("users");
    bed.ask("POST", '/' + second + "/pause");
    const auto count = [&](std::string_view query) {
        return json::parse(bed.get(query).body).size();
    };
    CHECK(count("?topic=orders.1.paid") == 2);
    CHECK(count("?topic=orders.1") == 1);
    CHECK(count("?topic=orders.%3E") == 1);
    CHECK(count("?topic=none") == 0);
    CHECK(count("?state=paused") == 1);
    CHECK(count("?state=active&topic=orders.1.paid") == 1);
    const auto page = bed.get("?limit=1&topic=orders.1.paid");
    const std::string link(page.fields.get("link"));
    CHECK(link == "</hooks?limit=1&topic=orders.1.paid&after=" + first + ">; rel=\"next\"");
    CHECK(bed.get("?limit=1&topic=orders.1.paid&after=" + first).fields.get("link").empty());
    for (const auto* const bad :
         {"?state=asleep", "?topic=a..b", "?page=2", "?state=active&state=x"})
        CHECK(bed.get(bad).status == 400);
    CHECK(bed.get("?after=%00%ff/../x").status == 400);
}

TEST_CASE("ids may hold any character", "[rest_hook]") {
    world w;
    const auto table = store::make_memory_table();
    change_bed bed(w, {.table = table});
    w.run_ready();
    const std::string id = GENERATE(as<std::string>(), "a/b", "a b", "\xc3\xa4%", "..", "a?b#c");
    table->start_put(id,
                     json{{"event", "a"},
                          {"target_url", bed.target.url()},
                          {"secret", "whsec_" + std::string(32, 'S')}}
                         .dump(),
                     0, {w.io().get_executor(), [](error_code, std::uint64_t) {}});
    w.run_ready();
    std::string path = "/";
    for (const char c : id) {
        static constexpr char digits[] = "0123456789ABCDEF";
        const auto byte = static_cast<unsigned char>(c);
        path += '%';
        path += digits[byte >> 4];
        path += digits[byte & 15];
    }
    CHECK(json::parse(bed.get(path).body).at("id") == id);
    CHECK(bed.ask("PATCH", path, {{"description", "odd"}}).status == 200);
    CHECK(bed.ask("POST", path + "/ping").status == 202);
    w.run_ready();
    CHECK(bed.target.requests.size() == 1);
    CHECK(bed.ask("DELETE", path).status == 204);
}

TEST_CASE("a manager may be closed by what it calls while it changes a subscription",
          "[rest_hook]") {
    world w;
    bus hub(w.io());
    webhook::sender sender(w.io(), hook_sender_options(w));
    world_sink target(w);
    std::optional<rest_hook::manager> manager;
    const int where = GENERATE(0, 1, 2);
    bool armed = false;
    const auto close_at = [&](int step) {
        if (armed && step == where) manager->close();
    };
    rest_hook::manager_options o;
    const auto table = store::make_memory_table();
    o.table = table;
    o.authenticator = [&](const credentials&, error_code&) {
        close_at(0);
        return principal{.name = "ann", .anonymous = false};
    };
    o.authorizer = [&](const principal&, action a, std::string_view) {
        if (a == action::subscribe) close_at(1);
        return true;
    };
    o.is_operator = [&](const principal&) {
        close_at(2);
        return false;
    };
    o.environment = w.environment();
    manager.emplace(hub, sender, std::move(o));
    http::server server(w.io(), {.environment = w.environment()});
    server.mount("/hooks", *manager);
    server.start();
    w.run_ready();
    const auto url = url_of(server, "/hooks");
    const http::fields as_json{{"Content-Type", "application/json"}};
    const auto made =
        w.request("POST", url, json{{"event", "a"}, {"url", target.url()}}.dump(), as_json);
    REQUIRE(made.status == 201);
    armed = true;
    const std::string id = json::parse(made.body).at("id");
    CHECK(w.request("PATCH", url + '/' + id, R"({"event":"b"})", as_json).status >= 404);
    CHECK(hub.subscriptions() == 0);
}

}  // namespace tidings::test
