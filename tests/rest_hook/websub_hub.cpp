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

}  // namespace tidings::test
