// SPDX-License-Identifier: BSL-1.0
// The manager and its API, from a request to a delivery.
#include "support/rest_hook_bed.hpp"

#include <tidings/store/memory_table.hpp>
#include <tidings/test/faulty_table.hpp>
#include <tidings/webhook/make_secret.hpp>
#include <tidings/webhook/standard_verifier.hpp>

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
    CHECK(hook.at("topics") == json::array({"orders.>"}));
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
        bed.post(json{{"event", "a"}, {"target_url", bed.target.url()}, {"filter", "x"}}.dump());
    CHECK(r.status == 422);
    CHECK(detail_of(r) == "a subscription has no \"filter\"");
    CHECK(json::parse(r.body).at("member") == "filter");
    CHECK(bed.get().body == "[]");
}

TEST_CASE("what the library publishes is no hook's without an authorizer", "[rest_hook]") {
    world w;
    hook_bed bed(w);
    for (const auto* const event : {"tidings.webhook.>", "tidings.webhook.attempt.failed"})
        CHECK(bed.post(bed.body(event)).status == 403);
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
    const auto post = ask("POST", "/hook_1");
    CHECK(post.status == 405);
    CHECK(post.fields.get("allow") == "DELETE, GET, HEAD, PATCH, PUT");
    CHECK(ask("DELETE", "").status == 405);
    const auto shown = ask("GET", "/hook_1/pause");
    CHECK(shown.status == 405);
    CHECK(shown.fields.get("allow") == "POST");
    CHECK(ask("POST", "/hook_1/attempts").status == 405);
    CHECK(ask("POST", "/hook_1/pause/now").status == 404);
    CHECK(ask("PATCH", "/hook_1").status == 404);
    CHECK(ask("PUT", "/hook_1").status == 404);
    CHECK(ask("GET", "/none").status == 404);
    CHECK(ask("GET", "/none/deeper").status == 404);
    CHECK(ask("DELETE", "/none").status == 404);
    CHECK(ask("GET", "/%zz").status == 400);
    for (const auto* const method : {"PUT", "PATCH", "DELETE", "POST"}) {
        const auto described = ask(method, "/openapi.json");
        CHECK(described.status == 405);
        CHECK(described.fields.get("allow") == "GET, HEAD");
    }
    CHECK(ask("GET", "?after=zzz").status == 400);
    CHECK(ask("GET", "?after=hook_zzz").status == 400);
    CHECK(ask("GET", "?after=hook_00").status == 200);
    CHECK(ask("GET", "?after=websub_00").status == 200);  // a hub's are in the list
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
