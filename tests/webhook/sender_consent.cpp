// SPDX-License-Identifier: BSL-1.0
// CloudEvents' abuse protection, the sender's side (HTTP webhooks 1.0.2, section 4).
#include "support/webhook_bed.hpp"

#include <tidings/diagnostics.hpp>
#include <tidings/webhook/receiver.hpp>

#include <tidings/webhook/standard.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;
using texts = std::vector<std::string>;

/// A target that answers questions for its consent, and takes deliveries.
struct consent_bed {
    consent_bed() {
        target.answer = [this](http::exchange& x) {
            if (x.request().method != "OPTIONS") return x.respond({.status = delivery_status});
            if (holds) return held.push_back(std::move(x));
            x.respond({.status = status, .fields = answer});
        };
    }
    webhook::endpoint add(webhook::consent_request c = {.origin = "hub.example.com"},
                          webhook::endpoint_options o = {}) {
        o.consent = std::move(c);
        return bed.add(target.url(), std::move(o));
    }
    std::vector<http::request> of(std::string_view method) const {
        std::vector<http::request> found;
        for (const auto& r : target.requests)
            if (r.method == method) found.push_back(r);
        return found;
    }

    world w;
    send_bed bed{w};
    world_sink target{w};
    unsigned status = 200, delivery_status = 204;
    http::fields answer{{"WebHook-Allowed-Origin", "hub.example.com"},
                        {"WebHook-Allowed-Rate", "*"}};
    bool holds = false;
    std::vector<http::exchange> held;
};

}  // namespace

TEST_CASE("a target is asked before the first delivery, and deliveries name their origin",
          "[webhook]") {
    consent_bed b;
    const auto e = b.add({.origin = "hub.example.com",
                          .per_minute = 120,
                          .callback = "https://hub.example.com/consent?key=1"},
                         {.fields = {{"X-Mine", "1"}}, .bearer_token = "token"});
    CHECK(e.consent() == errc::undecided);
    CHECK(b.target.requests.empty());
    b.bed.publish("1");
    b.bed.publish("2");
    const auto asked = b.of("OPTIONS");
    REQUIRE(asked.size() == 1);
    CHECK(asked[0].target == "/hook");
    CHECK(asked[0].body.empty());
    CHECK(asked[0].fields.get("webhook-request-origin") == "hub.example.com");
    CHECK(asked[0].fields.get("webhook-request-rate") == "120");
    CHECK(asked[0].fields.get("webhook-request-callback") ==
          "https://hub.example.com/consent?key=1");
    CHECK(asked[0].fields.get("authorization") == "Bearer token");
    CHECK(asked[0].fields.get("x-mine") == "1");
    CHECK_FALSE(asked[0].fields.find("webhook-signature"));
    CHECK_FALSE(e.consent());
    const auto sent = b.of("POST");
    REQUIRE(sent.size() == 2);
    for (const auto& r : sent) {
        CHECK(r.fields.get("webhook-request-origin") == "hub.example.com");
        CHECK_FALSE(r.fields.find("webhook-request-rate"));
        CHECK_FALSE(r.fields.find("webhook-request-callback"));
    }
}

TEST_CASE("what is no consent brings no delivery, whatever the status", "[webhook]") {
    consent_bed b;
    std::uint32_t rate = 0;
    SECTION("a status alone") {
        b.answer = {{"Allow", "POST"}};
    }
    SECTION("405") {
        b.status = 405;
        b.answer = {};
    }
    SECTION("another origin, of which ours is the beginning") {
        b.answer = {{"WebHook-Allowed-Origin", "hub.example.com.attacker.tld"}};
    }
    SECTION("a list") {
        b.answer = {{"WebHook-Allowed-Origin", "hub.example.com, *"}};
    }
    SECTION("two answers") {
        b.answer.append("WebHook-Allowed-Origin", "other.example.com");
    }
    SECTION("no rate, though one was asked for") {
        rate = 60;
        b.answer = {{"WebHook-Allowed-Origin", "*"}};
    }
    SECTION("a rate that is none") {
        const auto* text = GENERATE("0", "-1", "+10", "10junk", "99999999999", "", "1.5");
        b.answer.set("WebHook-Allowed-Rate", text);
    }
    const auto e = b.add({.origin = "hub.example.com", .per_minute = rate});
    b.bed.publish("1");
    CHECK(b.of("OPTIONS").size() == 1);
    CHECK(b.of("POST").empty());
    CHECK(e.consent() == errc::webhook_no_consent);
    CHECK(e.counters().failed_attempts == 0);
    CHECK(b.bed.attempts.empty());
    CHECK(b.bed.logged.find("has given no consent") != std::string::npos);
    b.bed.publish("2");
    b.w.advance(59s);
    CHECK(b.of("OPTIONS").size() == 1);
    b.w.advance(2s);
    CHECK(b.of("OPTIONS").size() == 2);
    b.w.advance(119s);
    CHECK(b.of("OPTIONS").size() == 2);
    b.answer = {{"WebHook-Allowed-Origin", "*"}, {"WebHook-Allowed-Rate", "*"}};
    b.w.advance(2s);
    CHECK_FALSE(e.consent());
    CHECK(b.of("POST").size() == 2);
}

TEST_CASE("consent counts whatever the status, and for any origin", "[webhook]") {
    consent_bed b;
    SECTION("404") {
        b.status = 404;
    }
    SECTION("any origin") {
        b.answer = {{"WebHook-Allowed-Origin", "*"}};
    }
    SECTION("in another case") {
        b.answer = {{"webhook-allowed-origin", "Hub.Example.COM"}};
    }
    b.add();
    b.bed.publish("1");
    CHECK(b.of("POST").size() == 1);
}

TEST_CASE("the rate that a target allows is kept, and not raised by it", "[webhook]") {
    consent_bed b;
    b.answer.set("WebHook-Allowed-Rate", "60");
    webhook::endpoint_options o{.max_in_flight = 8};
    std::chrono::milliseconds each = 1s;
    SECTION("of the target") {}
    SECTION("of the endpoint, where that is less") {
        o.rate.per_second = 0.5;
        each = 2s;
    }
    SECTION("of the target, where that is less") {
        o.rate.per_second = 100;
    }
    b.add({.origin = "hub.example.com", .per_minute = 600}, o);
    for (int i = 0; i < 4; ++i) b.bed.publish();
    for (std::size_t sent = 1; sent <= 4; ++sent) {
        CHECK(b.of("POST").size() == sent);
        b.w.advance(each);
    }
}

TEST_CASE("a target that agrees by the callback is sent to at once", "[webhook]") {
    consent_bed b;
    b.answer = {};
    auto e = b.add({.origin = "hub.example.com",
                    .per_minute = 60,
                    .callback = "https://hub.example.com/consent?key=1"});
    b.bed.publish("1");
    b.bed.publish("2");
    CHECK(b.of("POST").empty());
    SECTION("at the rate that was asked for") {
        e.grant();
        b.w.run_ready();
        CHECK(b.of("POST").size() == 1);
        b.w.advance(1s);
    }
    SECTION("at another") {
        e.grant(30);
        b.w.advance(1s);
        CHECK(b.of("POST").size() == 1);
        b.w.advance(1s);
    }
    SECTION("without a limit") {
        e.grant(0);
        b.w.run_ready();
    }
    CHECK(b.of("POST").size() == 2);
    CHECK_FALSE(e.consent());
    b.w.advance(1h);
    CHECK(b.of("OPTIONS").size() == 1);
}

TEST_CASE("a callback that comes before the answer counts", "[webhook]") {
    consent_bed b;
    b.holds = true;
    auto e = b.add();
    b.bed.publish("1");
    REQUIRE(b.held.size() == 1);
    e.grant();
    b.w.run_ready();
    CHECK(b.of("POST").size() == 1);
    b.held[0].respond({.status = 405});
    b.held.clear();
    b.w.run_ready();
    CHECK_FALSE(e.consent());
    b.bed.publish("2");
    CHECK(b.of("POST").size() == 2);
}

TEST_CASE("a permission ends, and is asked for again", "[webhook]") {
    consent_bed b;
    const auto e = b.add({.origin = "hub.example.com", .valid_for = 1h});
    b.bed.publish("1");
    b.w.advance(59min);
    b.bed.publish("2");
    CHECK(b.of("OPTIONS").size() == 1);
    b.w.advance(2min);
    b.answer = {};
    b.bed.publish("3");
    CHECK(b.of("OPTIONS").size() == 2);
    CHECK(b.of("POST").size() == 2);
    CHECK(e.consent() == errc::webhook_no_consent);
}

TEST_CASE("a target that does not answer the question is asked again, and keeps its health",
          "[webhook]") {
    world w;
    send_bed bed(w);
    auto link = sim_link{};
    link.connect = sim_link::on_connect::refuse;
    w.sim().set_link(link);
    world_sink target(w);
    const auto e = bed.add(target.url(), {.consent = webhook::consent_request{"hub.example.com"}});
    bed.publish("1");
    CHECK(e.consent() == errc::connection_failed);
    CHECK_FALSE(e.disabled());
    CHECK(bed.attempts.empty());
    w.sim().set_link({});
    target.answer = [](http::exchange& x) {
        x.respond({.status = 200, .fields = {{"WebHook-Allowed-Origin", "*"}}});
    };
    w.advance(61s);
    CHECK_FALSE(e.consent());
    CHECK(e.counters().delivered == 1);
}

TEST_CASE("another target of an id is asked itself", "[webhook]") {
    consent_bed b;
    auto e = b.add({.origin = "hub.example.com"}, {.id = "e"});
    b.bed.publish("1");
    CHECK(b.of("OPTIONS").size() == 1);
    b.bed.hooks.clear();
    world_sink other(b.w);
    webhook::endpoint_options o{.id = "e", .replace = true};
    o.consent = webhook::consent_request{"hub.example.com"};
    const auto replaced = b.bed.add(other.url(), o);
    b.bed.publish("2");
    REQUIRE(other.requests.size() == 1);
    CHECK(other.requests[0].method == "OPTIONS");
    CHECK(replaced.consent() == errc::webhook_no_consent);
}

TEST_CASE("a question holds a connection as a delivery does, and a drain waits for it",
          "[webhook]") {
    consent_bed b;
    auto o = webhook_options(b.w);
    o.max_connections = 2;  // one for those without a success
    b.bed.sender.emplace(b.w.io(), std::move(o));
    b.holds = true;
    b.add({.origin = "hub.example.com"}, {.id = "1"});
    b.add({.origin = "hub.example.com"}, {.id = "2"});
    b.bed.publish("x");
    CHECK(b.held.size() == 1);
    std::optional<error_code> drained;
    b.bed.sender->async_drain([&](error_code ec) { drained = ec; });
    b.w.run_ready();
    CHECK_FALSE(drained);
    b.holds = false;
    b.held[0].respond({.status = 200, .fields = b.answer});
    b.held.clear();
    b.w.run_ready();
    REQUIRE(drained.has_value());
    CHECK_FALSE(*drained);
    CHECK(b.of("POST").size() == 2);
}

TEST_CASE("a sender may end while a target is asked", "[webhook]") {
    consent_bed b;
    b.holds = true;
    auto e = b.add();
    b.bed.publish("1");
    REQUIRE(b.held.size() == 1);
    b.bed.sender.reset();
    b.w.run_ready();
    e.grant();
    b.held.clear();
    b.w.run_ready();
    CHECK(b.of("POST").empty());
}

TEST_CASE("this library's sender and receiver agree", "[webhook]") {
    world w;
    send_bed bed(w);
    http::server server(w.io(), {.environment = w.environment()});
    bus taken(w.io(), {.clock = &w.clock()});
    auto receiving = webhook::from_standard({webhook::secret(webhook_secret)});
    receiving.webhook_origins = {"hub.example.com"};
    server.mount("/hook", webhook::receiver{taken, receiving});
    server.start();
    texts seen;
    const auto s = taken.subscribe(">", [&](const event_ptr& e) { seen.emplace_back(e->text()); });
    const auto known =
        bed.add(url_of(server, "/hook"),
                {.id = "known", .consent = webhook::consent_request{"hub.example.com", 60}});
    const auto stranger =
        bed.add(url_of(server, "/hook"),
                {.id = "stranger", .consent = webhook::consent_request{"hub.example"}});
    bed.publish("1");
    w.run_ready();
    CHECK(seen == texts{"1"});
    CHECK_FALSE(known.consent());
    CHECK(stranger.consent() == errc::webhook_no_consent);
}

TEST_CASE("a question that cannot be asked is refused with the endpoint", "[webhook]") {
    world w;
    send_bed bed(w);
    const auto refused = [&](webhook::consent_request c) {
        error_code ec;
        diagnostics detail;
        webhook::endpoint_options o{.url = "http://127.0.0.1/", .secret = webhook_secret};
        o.consent = std::move(c);
        bed.sender->endpoint(std::move(o), ec, detail);
        CHECK(ec == errc::invalid_argument);
        return detail.message();
    };
    CHECK(refused({}) == "the origin of the request for consent");
    CHECK(refused({.origin = "*"}) == "the origin of the request for consent");
    CHECK(refused({.origin = "a b"}) == "the origin of the request for consent");
    CHECK(refused({.origin = "a", .callback = "nowhere"}) ==
          "the callback of the request for consent");
}

TEST_CASE("a permission that the user has is not asked for, and is named", "[webhook]") {
    consent_bed b;
    const auto e = b.add({.origin = "hub.example.com", .given = true});
    CHECK_FALSE(e.consent());
    b.bed.publish("1");
    b.w.advance(48h);
    b.bed.publish("2");
    CHECK(b.of("OPTIONS").empty());
    const auto sent = b.of("POST");
    REQUIRE(sent.size() == 2);
    for (const auto& r : sent) CHECK(r.fields.get("webhook-request-origin") == "hub.example.com");
}

}  // namespace tidings::test
