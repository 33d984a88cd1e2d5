// SPDX-License-Identifier: BSL-1.0
// A WebSub hub: verification, distribution, leases, denials (W3C WebSub 5.2, 5.3, 7, 8).
#include "support/websub_bed.hpp"

#include <tidings/webhook/hmac_verifier.hpp>
#include <tidings/webhook/websub.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

std::string parameter(const http::request& r, std::string_view name) {
    return callbacks::parameter(r, name);
}

bool is_signed(const http::request& r, const std::string& secret, std::string_view method) {
    if (!r.fields.get("x-hub-signature").starts_with(std::string(method) + '=')) return false;
    const std::vector<std::string> secrets{secret};
    const webhook::hmac_verifier v(webhook::websub_schemes(), secrets);
    return !v.verify([&](std::string_view name) { return r.fields.find(name); }, r.body,
                     std::chrono::system_clock::now());
}

}  // namespace

TEST_CASE("a subscription is accepted before it is verified, and verified before it is served",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    target.answer = [](http::exchange& x) { x.respond({.status = 503}); };
    CHECK(bed.ask("subscribe", {{"hub.lease_seconds", "3600"}}, "orders",
                  "/hook?a=1&hub.topic=z") == 202);
    REQUIRE(target.asked().size() == 1);
    const auto q = target.asked()[0];
    CHECK(
        q.query().starts_with("a=1&hub.topic=z&hub.mode=subscribe&"
                              "hub.topic=https%3A%2F%2Fhub.example%2Ftopics%2Forders&"));
    CHECK(parameter(q, "hub.challenge").size() == 64);
    CHECK(parameter(q, "hub.lease_seconds") == "3600");
    CHECK(bed.shown()[0]["state"] == "pending");
    bed.publish("orders", "early");
    CHECK(target.brought().empty());

    target.answer = nullptr;
    w.advance(10s);
    REQUIRE(target.asked().size() == 2);
    CHECK(parameter(target.asked()[1], "hub.challenge") != parameter(q, "hub.challenge"));
    CHECK(bed.shown()[0]["state"] == "active");
    bed.publish("orders", "1");
    CHECK(bed.texts() == "1 ");
    w.advance(1h - 11s);
    bed.publish("orders", "2");
    CHECK(bed.texts() == "1 2 ");  // the lease counts from the verification
    w.advance(11s);
    bed.publish("orders", "3");
    CHECK(bed.texts() == "1 2 ");
    CHECK(bed.shown().empty());
    CHECK(target.asked().size() == 2);
}

TEST_CASE("an event is brought as it is, with the links of the hub and the topic",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    REQUIRE(bed.subscribe() == 202);
    event e("com.acme.order", "/shop");
    e.data("<feed/>", "application/atom+xml; charset=utf-8");
    bed.hub->publish("orders", std::move(e));
    w.run_ready();
    REQUIRE(target.brought().size() == 1);
    const auto r = target.brought()[0];
    CHECK(r.body == "<feed/>");
    CHECK(r.fields.get("content-type") == "application/atom+xml; charset=utf-8");
    CHECK(r.fields.get("link") ==
          "<https://hub.example/hub>; rel=\"hub\", "
          "<https://hub.example/topics/orders>; rel=\"self\"");
    CHECK_FALSE(r.fields.find("x-hub-signature"));
    CHECK_FALSE(r.fields.find("webhook-signature"));
    CHECK_FALSE(r.fields.find("ce-type"));
    bed.publish("other");
    CHECK(target.brought().size() == 1);
}

TEST_CASE("a delivery is signed by the hub's method where the subscriber gave a secret",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    const auto [method, name] = GENERATE(table<digest, std::string>({{digest::sha1, "sha1"},
                                                                     {digest::sha256, "sha256"},
                                                                     {digest::sha384, "sha384"},
                                                                     {digest::sha512, "sha512"}}));
    auto o = hub_options();
    o.signature = method;
    websub_bed bed(w, target, std::move(o));
    REQUIRE(bed.subscribe({{"hub.secret", "not so & secret"}}) == 202);
    bed.publish("orders", "body");
    REQUIRE(target.brought().size() == 1);
    CHECK(is_signed(target.brought()[0], "not so & secret", name));
    CHECK_FALSE(is_signed(target.brought()[0], "another", name));
    CHECK(bed.shown().dump().find("not so") == std::string::npos);
}

TEST_CASE("a lease is within the hub's bounds, and its callback is told which",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    auto o = hub_options();
    o.min_lease = 100s;
    o.default_lease = 200s;
    o.max_lease = 300s;
    websub_bed bed(w, target, std::move(o));
    const auto [asked, given] =
        GENERATE(table<std::string, std::string>({{"", "200"},
                                                  {"1", "100"},
                                                  {"250", "250"},
                                                  {"301", "300"},
                                                  {"99999999999999999999", "300"}}));
    REQUIRE(bed.subscribe({{"hub.lease_seconds", asked}}) == 202);
    CHECK(parameter(target.asked().at(0), "hub.lease_seconds") == given);
    w.advance(std::chrono::seconds(std::stoi(given) - 1));
    bed.publish("orders");
    CHECK(target.brought().size() == 1);
    w.advance(1s);
    bed.publish("orders");
    CHECK(target.brought().size() == 1);
}

TEST_CASE("a new request takes the old one's place only when it is verified",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    REQUIRE(bed.subscribe({{"hub.secret", "old"}, {"hub.lease_seconds", "600"}}) == 202);
    target.answer = [](http::exchange& x) {
        if (x.request().method == "GET") return x.respond({.status = 503});
        x.respond({.status = 200});
    };
    REQUIRE(bed.subscribe({{"hub.secret", "new"}, {"hub.lease_seconds", "7200"}}) == 202);
    CHECK(bed.shown().size() == 1);
    bed.publish("orders", "1");
    REQUIRE(target.brought().size() == 1);
    CHECK(is_signed(target.brought()[0], "old", "sha256"));
    const auto refused = GENERATE(false, true);
    target.answer = [refused](http::exchange& x) {
        if (refused && x.request().method == "GET") return x.respond({.status = 404});
        callbacks::confirm(x);
    };
    w.advance(10s);
    bed.publish("orders", "2");
    REQUIRE(target.brought().size() == 2);
    CHECK(is_signed(target.brought()[1], refused ? "old" : "new", "sha256"));
    w.advance(1000s);
    bed.publish("orders", "3");
    CHECK(target.brought().size() == (refused ? 2 : 3));
    CHECK(target.asked().size() == 3);
    CHECK(bed.shown().size() == (refused ? 0 : 1));
}

TEST_CASE("a request without a secret ends the signatures", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    REQUIRE(bed.subscribe({{"hub.secret", "old"}}) == 202);
    REQUIRE(bed.subscribe() == 202);
    bed.publish("orders");
    REQUIRE(target.brought().size() == 1);
    CHECK_FALSE(target.brought()[0].fields.find("x-hub-signature"));
}

TEST_CASE("topics and callbacks are told apart", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    REQUIRE(bed.ask("subscribe", {}, "orders", "/hook?1") == 202);
    REQUIRE(bed.ask("subscribe", {}, "orders", "/hook?2") == 202);
    REQUIRE(bed.ask("subscribe", {}, "others", "/hook?1") == 202);
    CHECK(bed.shown().size() == 3);
    bed.publish("orders");
    CHECK(target.brought().size() == 2);
    REQUIRE(bed.ask("unsubscribe", {}, "orders", "/hook?1") == 202);
    CHECK(bed.shown().size() == 2);
    bed.publish("orders");
    bed.publish("others");
    REQUIRE(target.brought().size() == 4);
    CHECK(target.brought()[2].query() == "2");
    CHECK(target.brought()[3].query() == "1");
}

TEST_CASE("a subscription ends when its callback has confirmed that, and not before",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    REQUIRE(bed.subscribe() == 202);
    target.answer = [](http::exchange& x) {
        x.respond({.status = x.request().method == "GET" ? 404U : 200U});
    };
    CHECK(bed.ask("unsubscribe") == 202);
    const auto q = target.asked().at(1);
    CHECK(parameter(q, "hub.mode") == "unsubscribe");
    CHECK(parameter(q, "hub.challenge").size() == 64);
    CHECK(q.query().find("hub.lease_seconds") == q.query().npos);
    bed.publish("orders", "1");
    CHECK(bed.texts() == "1 ");
    w.advance(2h);
    CHECK(target.asked().size() == 2);
    target.answer = nullptr;
    CHECK(bed.ask("unsubscribe") == 202);
    bed.publish("orders", "2");
    CHECK(bed.texts() == "1 ");
    CHECK(bed.shown().empty());
}

TEST_CASE("whether a subscription stands is not shown to strangers", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    CHECK(bed.ask("unsubscribe") == 202);  // the same as of one that stands
    REQUIRE(target.asked().size() == 1);
    CHECK(parameter(target.asked()[0], "hub.mode") == "unsubscribe");
    CHECK(bed.shown().empty());
    bed.publish("orders");
    CHECK(target.brought().empty());
}

TEST_CASE("a callback that has gone ends its subscription", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    REQUIRE(bed.subscribe() == 202);
    target.answer = [](http::exchange& x) { x.respond({.status = 410}); };
    bed.publish("orders", "1");
    CHECK(bed.shown().empty());
    bed.publish("orders", "2");
    CHECK(bed.texts() == "1 ");
}

TEST_CASE("a callback that fails, or redirects, keeps its subscription and is tried again",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    REQUIRE(bed.subscribe() == 202);
    const auto status = GENERATE(500U, 404U, 302U);
    target.answer = [status](http::exchange& x) {
        x.respond({status, {{"Location", "/hook?elsewhere"}}, {}});
    };
    bed.publish("orders", "1");
    CHECK(target.brought().size() == 1);
    CHECK(bed.shown().size() == 1);
    target.answer = nullptr;
    w.advance(6s);
    CHECK(bed.texts() == "1 1 ");
    CHECK(target.brought()[1].query().empty());
}

TEST_CASE("what the authorizer refuses is denied to the callback", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    bool granted = false;
    auto o = hub_options();
    o.authorizer = [&](const principal&, action what, std::string_view topic) {
        return what == action::subscribe && topic == "orders" && granted;
    };
    websub_bed bed(w, target, std::move(o));
    target.answer = [](http::exchange& x) { x.respond({.status = 503}); };
    CHECK(bed.subscribe() == 202);
    REQUIRE(target.asked().size() == 1);
    target.answer = nullptr;
    w.advance(10s);  // until it has been heard
    REQUIRE(target.asked().size() == 2);
    CHECK(target.asked()[1].query() ==
          "hub.mode=denied&hub.topic=https%3A%2F%2Fhub.example%2Ftopics%2Forders&"
          "hub.reason=the%20subscription%20is%20not%20granted");
    CHECK(bed.shown().empty());
    bed.publish("orders");
    w.advance(2h);
    CHECK(target.sink.requests.size() == 2);

    granted = true;
    CHECK(bed.subscribe() == 202);
    bed.publish("orders", "1");
    CHECK(bed.texts() == "1 ");
    // A stranger that may not subscribe cannot have what stands denied.
    granted = false;
    CHECK(bed.subscribe() == 403);
    CHECK(target.asked().size() == 3);
    bed.publish("orders", "2");
    CHECK(bed.texts() == "1 2 ");
    CHECK(bed.ask("unsubscribe") == 202);  // which needs no permission
    CHECK(bed.shown().empty());
}

TEST_CASE("a subscription is no longer than its permission", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    auto o = hub_options();
    const auto end = w.clock().wall_now() + 1000s;
    o.authorizer = [&](const principal&, action, std::string_view) {
        return permission(true, end);
    };
    websub_bed bed(w, target, std::move(o));
    CHECK(bed.subscribe() == 202);
    CHECK(parameter(target.asked().at(0), "hub.lease_seconds") == "1000");
    w.advance(999s);
    bed.publish("orders", "1");
    w.advance(1s);
    bed.publish("orders", "2");
    CHECK(bed.texts() == "1 ");
}

TEST_CASE("an authorizer that answers later is waited for", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    auto o = hub_options();
    std::vector<decision_handler<permission>> open;
    o.authorizer = [&](principal, action, std::string, decision_handler<permission> h) {
        open.push_back(std::move(h));
    };
    o.on_publish = [](const std::string&) {};
    websub_bed bed(w, target, std::move(o));
    std::optional<http::response> answer;
    http::client client(w.io(), {.environment = w.environment()});
    const auto send = [&](const pairs& of) {
        answer.reset();
        client.async_request(url_of(*bed.server, "/hub"),
                             {.method = "POST",
                              .fields = {{"Content-Type", "application/x-www-form-urlencoded"}},
                              .body = websub_bed::form(of)},
                             [&](error_code, http::response r) { answer = std::move(r); });
        w.run_ready();
    };
    send(bed.wanted("subscribe"));
    REQUIRE(open.size() == 1);
    CHECK_FALSE(answer);
    open.back()({}, true);
    w.run_ready();
    REQUIRE(answer);
    CHECK(answer->status == 202);
    CHECK(bed.shown()[0]["state"] == "active");
    send(bed.wanted("subscribe"));
    w.advance(6s);  // there is no answer
    REQUIRE(answer);
    CHECK(answer->status == 503);
    send({{"hub.mode", "publish"}, {"hub.url", "https://hub.example/topics/orders"}});
    open.back()({}, true);
    w.run_ready();
    CHECK(answer->status == 204);
}

TEST_CASE("who may subscribe is the hub's policy, not the manager's", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    auto o = hub_options();
    o.authenticator = bearer_token("of-the-hub");
    o.authorizer = allow_all();
    rest_hook::manager_options m{.authenticator = bearer_token("of-the-api"),
                                 .authorizer = allow_all()};
    websub_bed bed(w, target, std::move(o), std::move(m));
    const auto body = websub_bed::form(bed.wanted("subscribe"));
    const auto by = [&](std::string_view token) {
        const auto r = bed.post(body, {{"Content-Type", "application/x-www-form-urlencoded"},
                                       {"Authorization", "Bearer " + std::string(token)}});
        w.run_ready();
        return r.status;
    };
    CHECK(bed.post(body).status == 401);
    CHECK(by("of-the-api") == 401);
    CHECK(target.asked().empty());
    CHECK(by("of-the-hub") == 202);
    CHECK(target.asked().size() == 1);
}

TEST_CASE("the manager's API shows a hub's subscriptions, and ends them, but changes none",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    websub_bed bed(w, target);
    REQUIRE(bed.subscribe({{"hub.secret", "s"}}) == 202);
    const auto shown = bed.shown().at(0);
    CHECK(shown.at("hub_topic") == "https://hub.example/topics/orders");
    CHECK(shown.at("event") == "orders");
    CHECK(shown.at("content_mode") == "raw");
    CHECK(shown.at("expiration_date") == "2026-01-11T00:00:00Z");
    const auto at = url_of(*bed.server, "/hooks/" + shown.at("id").get<std::string>());
    const http::fields json{{"Content-Type", "application/json"}};
    CHECK(w.request("PATCH", at, R"({"active":false})", json).status == 409);
    CHECK(w.request("POST", at + "/pause").status == 409);
    CHECK(w.request("POST", at + "/rotate").status == 409);
    CHECK(w.request("POST", at + "/ping").status == 409);
    CHECK(w.request("POST", at + "/test").status == 409);
    CHECK(w.request("POST", at + "/confirm", {}, {{"X-Hook-Secret", "x"}}).status == 404);
    CHECK(w.request("GET", at + "/deliveries").status == 200);
    CHECK(w.request("DELETE", at).status == 204);
    bed.publish("orders");
    CHECK(target.brought().empty());
}

TEST_CASE("strangers do not see each other's subscriptions by a hub", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    rest_hook::manager_options m{.authenticator = allow_anonymous(), .authorizer = allow_all()};
    websub_bed bed(w, target, hub_options(), std::move(m));
    REQUIRE(bed.subscribe() == 202);
    CHECK(bed.shown().empty());
    bed.publish("orders");
    CHECK(target.brought().size() == 1);
}

TEST_CASE("a hub takes no more than the manager's quotas", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    rest_hook::manager_options m{.max_hooks = 2};
    m.max_hooks_per_principal = GENERATE(1U, 2U);
    const auto most = m.max_hooks_per_principal;
    websub_bed bed(w, target, hub_options(), std::move(m));
    for (std::size_t i = 0; i < most; ++i)
        CHECK(bed.ask("subscribe", {}, "a" + std::to_string(i)) == 202);
    CHECK(bed.ask("subscribe", {}, "b") == 429);
    CHECK(bed.ask("unsubscribe", {}, "b") == 429);
    CHECK(bed.ask("subscribe", {}, "a0") == 202);
    CHECK(bed.ask("unsubscribe", {}, "a0") == 202);
    CHECK(bed.ask("subscribe", {}, "b") == 202);
    CHECK(bed.shown().size() == most);
}

TEST_CASE("one host is asked no oftener than the manager's questions may be",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    rest_hook::manager_options m;
    m.proof.max_per_host = 3;
    websub_bed bed(w, target, hub_options(), std::move(m));
    for (int i = 0; i < 10; ++i) CHECK(bed.subscribe() == 202);
    CHECK(target.asked().size() == 3);
    for (int i = 0; i < 10; ++i)
        CHECK(bed.ask("subscribe", {}, "orders", "/hook?" + std::to_string(i)) == 202);
    CHECK(target.asked().size() == 3);
    for (int i = 0; i < 10; ++i) w.advance(61s);
    CHECK(bed.shown().size() == 11);
    CHECK(bed.shown().dump().find("pending") == std::string::npos);
}

TEST_CASE("a hub that is closed takes no requests, and its subscriptions stay",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    bus hub(w.io());
    webhook::sender sender(w.io(), hook_sender_options(w));
    http::server server(w.io(), http::server_options{.environment = w.environment()});
    rest_hook::manager manager(hub, sender, {.environment = w.environment()});
    rest_hook::websub_hub websub(manager, hub_options());
    server.mount("/hub", websub);
    server.start();
    const auto subscribe = [&](std::string_view topic) {
        const auto r = w.request(
            "POST", url_of(server, "/hub"),
            websub_bed::form({{"hub.callback", target.sink.url()},
                              {"hub.mode", "subscribe"},
                              {"hub.topic", "https://hub.example/topics/" + std::string(topic)}}),
            {{"Content-Type", "application/x-www-form-urlencoded"}});
        w.run_ready();
        return r.status;
    };
    CHECK(subscribe("a") == 202);
    websub.close();
    CHECK(subscribe("b") == 503);
    hub.publish("a", event("test", "/test", "x"));
    w.run_ready();
    CHECK(target.brought().size() == 1);
    manager.close();
}

}  // namespace tidings::test
