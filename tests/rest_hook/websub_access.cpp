// SPDX-License-Identifier: BSL-1.0
// Access to a WebSub hub: subscribing there, and seeing and ending subscriptions by the manager's
// API.
#include "support/websub_bed.hpp"

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

std::string parameter(const http::request& r, std::string_view name) {
    return callbacks::parameter(r, name);
}

}  // namespace

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
    const std::string tag(w.request("GET", at).fields.get("etag"));
    CHECK(w.request("DELETE", at, {}, {{"If-Match", "\"1000\""}}).status == 412);
    target.answer = [](http::exchange& x) { x.respond({.status = 503}); };
    CHECK(w.request("DELETE", at, {}, {{"If-Match", tag}}).status == 204);
    bed.publish("orders");
    CHECK(target.brought().empty());
    CHECK(bed.shown()[0]["state"] == "pending");  // until its callback has been notified
    target.answer = nullptr;
    w.advance(10s);
    CHECK(bed.shown().empty());
    REQUIRE(target.asked().size() == 3);
    CHECK(target.asked()[2].query() ==
          "hub.mode=denied&hub.topic=https%3A%2F%2Fhub.example%2Ftopics%2Forders&"
          "hub.reason=the%20subscription%20was%20ended");
    CHECK(w.request("DELETE", at).status == 404);
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

TEST_CASE("a callback that hangs holds up no other host's", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    rest_hook::manager_options m;
    m.proof.max_questions = 4;  // one of them for each owner
    websub_bed bed(w, target, hub_options(), std::move(m));
    std::vector<http::exchange> open;
    target.answer = [&](http::exchange& x) { open.push_back(std::move(x)); };
    CHECK(bed.subscribe() == 202);
    CHECK(open.size() == 1);
    CHECK(bed.ask("subscribe", {}, "orders", "/hook?same") == 202);
    CHECK(open.size() == 1);
    auto elsewhere = bed.wanted("subscribe");
    auto& url = elsewhere[0].second;
    url.replace(url.find("127.0.0.1"), 9, "localhost");
    CHECK(bed.post(elsewhere).status == 202);
    w.run_ready();
    CHECK(open.size() == 2);
}

TEST_CASE("without an authorizer only this machine subscribes", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    auto o = hub_options();
    o.authenticator = allow_anonymous();
    websub_bed bed(w, target, std::move(o));
    const auto body = websub_bed::form(bed.wanted("subscribe"));
    const auto r = bed.post(body, {{"Content-Type", "application/x-www-form-urlencoded"},
                                   {"X-Forwarded-For", "192.0.2.1"}});
    CHECK(r.status == 403);
    CHECK(r.body.find("authorizer") != std::string::npos);
    w.run_ready();
    CHECK(target.asked().empty());
    CHECK(bed.post(body).status == 202);
}

TEST_CASE("what a principal has subscribed no other one changes, and what waits anyone",
          "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    auto o = hub_options();
    o.authenticator = [](const credentials& c, error_code&) {
        return principal{.name = std::string(c.authorization), .anonymous = false};
    };
    o.authorizer = allow_all();
    websub_bed bed(w, target, std::move(o));
    const auto by = [&](std::string_view who, std::string_view mode) {
        const auto r = bed.post(
            websub_bed::form(bed.wanted(mode)),
            {{"Content-Type", "application/x-www-form-urlencoded"}, {"Authorization", who}});
        w.advance(websub_bed::tick);
        return r.status;
    };
    target.answer = [](http::exchange& x) { x.respond({.status = 503}); };
    CHECK(by("ann", "subscribe") == 202);
    target.answer = nullptr;
    CHECK(by("bob", "subscribe") == 202);  // ann's was not verified
    CHECK(bed.shown()[0]["owner"] == "bob");
    CHECK(by("ann", "subscribe") == 403);
    CHECK(by("bob", "subscribe") == 202);
    CHECK(by("ann", "unsubscribe") == 202);  // its callback decides
    CHECK(bed.shown().empty());
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

TEST_CASE("a subscription outlives the token that it was requested with", "[rest_hook][websub]") {
    world w;
    callbacks target(w);
    auto o = hub_options();
    o.authenticator = [&w](const credentials&, error_code&) {
        return principal{.name = "ann",
                         .anonymous = false,
                         .expires = w.clock().wall_now() + std::chrono::seconds(60)};
    };
    o.authorizer = [&w](const principal&, action, std::string_view topic) -> permission {
        if (topic != "orders") return true;
        return {true, w.clock().wall_now() + std::chrono::seconds(300)};
    };
    websub_bed bed(w, target, std::move(o));
    REQUIRE(bed.subscribe({{"hub.lease_seconds", "1000"}}) == 202);
    w.advance(std::chrono::seconds(100));
    bed.publish("orders", "1");
    w.advance(std::chrono::seconds(250));
    bed.publish("orders", "2");
    CHECK(bed.texts() == "1 ");
}

}  // namespace tidings::test
