// SPDX-License-Identifier: BSL-1.0
// Webhooks of providers, from their requests to their events.
#include "support/receive_bed.hpp"

#include <tidings/event_json.hpp>
#include <tidings/test/recorder.hpp>
#include <tidings/webhook/github.hpp>
#include <tidings/webhook/hmac_signer.hpp>
#include <tidings/webhook/shopify.hpp>
#include <tidings/webhook/slack.hpp>
#include <tidings/webhook/standard.hpp>
#include <tidings/webhook/stripe.hpp>
#include <tidings/webhook/twilio.hpp>
#include <tidings/webhook/websub.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tidings::test {

namespace {

using nlohmann::json;
using namespace std::chrono_literals;
constexpr std::string_view form_type = "application/x-www-form-urlencoded";

// A receiver of one provider, and what it made of its requests.
struct provider_bed {
    provider_bed(webhook::receiver_options o, webhook::hmac_scheme s = webhook::github_scheme())
        : scheme(std::move(s)),
          bed(w, seen, std::move(o)) {}

    http::response post(std::string body, http::fields f = {},
                        std::string_view type = "application/json") {
        CHECK_FALSE(webhook::hmac_signer(scheme, {"key"})
                        .sign({.attempt = w.clock().wall_now(), .body = body}, f));
        f.set("Content-Type", type);
        return bed.post(std::move(body), std::move(f));
    }
    event_ptr last() const { return seen->events().back(); }

    world w;
    std::shared_ptr<recorder> seen = std::make_shared<recorder>();
    webhook::hmac_scheme scheme;
    receive_bed bed;
};

}  // namespace

TEST_CASE("a receiver of a provider's answers before the provider gives up", "[webhook]") {
    CHECK(webhook::from_slack({"key"}).accept_timeout == 2s);    // Slack waits for 3 s
    CHECK(webhook::from_shopify({"key"}).accept_timeout == 4s);  // Shopify for 5 s
    CHECK(webhook::from_github({"key"}).accept_timeout == 8s);   // GitHub for 10 s
    // Twilio's and Stripe's waits are longer than what any other sender is given.
    CHECK(webhook::from_twilio({"key"}, "https://a.example").accept_timeout == 10s);
    CHECK(webhook::from_stripe({"key"}).accept_timeout == 10s);
}

TEST_CASE("a form of GitHub's holds its JSON in payload", "[webhook]") {
    provider_bed b(webhook::from_github({"key"}));
    const http::fields f{{"X-GitHub-Event", "issues"}, {"X-GitHub-Delivery", "guid-1"}};
    const auto post = [&](std::string body) {
        return b.post(std::move(body), f, form_type).status;
    };
    CHECK(post("payload=%7B%22action%22%3A+%22opened%22%7D") == 202);
    CHECK(b.last()->text() == R"({"action": "opened"})");
    CHECK(b.last()->content_type() == "application/json");
    CHECK(b.last()->topic() == "github.issues.opened");
    CHECK(post("x=%7B%7D") == 400);
    CHECK(post("payload=%7B%7D&payload=1") == 400);
    CHECK(post("payload=%7") == 400);
    CHECK(post("payload=%7B") == 400);
    CHECK(post("") == 400);
    CHECK(b.seen->count() == 1);
}

TEST_CASE("Stripe's webhooks become events by the type of their body", "[webhook]") {
    provider_bed b(webhook::from_stripe({"key"}), webhook::stripe_scheme());
    const std::string body =
        R"({"id":"evt_1","type":"customer.subscription.updated","created":1614265330,"account":"acct_7"})";
    CHECK(b.post(body).status == 202);
    CHECK(b.last()->id() == "evt_1");
    CHECK(b.last()->type() == "com.stripe.customer.subscription.updated");
    CHECK(b.last()->source() == "https://stripe.com/acct_7");
    CHECK(b.last()->topic() == "stripe.customer.subscription.updated");
    CHECK(b.last()->time() == "2021-02-25T15:02:10Z");
    CHECK(b.last()->text() == body);
    // The same event again, signed anew.
    CHECK(json::parse(b.post(body).body) == json{{"duplicate", true}});
    CHECK(b.post(R"({"id":"evt_2","type":"a.b.c.d.e.f.g"})").status == 202);
    CHECK(b.last()->topic() == "stripe.a.b.c.d.e~2ef~2eg");
    CHECK(b.last()->source() == "https://stripe.com");
    CHECK(b.post(R"({"id":"evt_3","type":"a","type":"b"})").status == 400);
    CHECK(b.post(R"({"id":"evt_3"})").status == 400);
    CHECK(b.post(R"({"type":"a"})").status == 400);
    CHECK(b.post("[]").status == 400);
    CHECK(b.post("{").status == 400);
    CHECK(b.bed.post(body, {{"Stripe-Signature", "t=1,v1=00"}}).status == 401);
    CHECK(b.seen->count() == 2);
}

TEST_CASE("Slack's question for the URL is answered once it is verified", "[webhook]") {
    provider_bed b(webhook::from_slack({"key"}), webhook::slack_scheme());
    const std::string question = R"({"type":"url_verification","challenge":"3eZb\u0041"})";
    const auto answer = b.post(question);
    CHECK(answer.status == 200);
    CHECK(answer.body == "3eZbA");
    CHECK(answer.fields.get("content-type").starts_with("text/plain"));
    CHECK(b.bed.post(question, {}).status == 401);
    CHECK(b.w.request("GET", b.bed.url()).status == 405);
    CHECK(b.seen->count() == 0);
}

TEST_CASE("Slack's events, commands and interactions become events", "[webhook]") {
    provider_bed b(webhook::from_slack({"key"}), webhook::slack_scheme());
    CHECK(b.post(R"({"type":"event_callback","event_id":"Ev1","event_time":1614265330,
        "team_id":"T1","event":{"type":"message","subtype":"channel_join"}})")
              .status == 202);
    CHECK(b.last()->id() == "Ev1");
    CHECK(b.last()->type() == "com.slack.message.channel_join");
    CHECK(b.last()->topic() == "slack.message.channel_join");
    CHECK(b.last()->source() == "https://slack.com/T1");
    CHECK(b.last()->time() == "2021-02-25T15:02:10Z");
    CHECK(b.post("command=%2Fdeploy&team_id=T2", {}, form_type).status == 202);
    CHECK(b.last()->topic() == "slack.command");
    CHECK(b.last()->source() == "https://slack.com/T2");
    CHECK(b.post("payload=%7B%22type%22%3A%22block_actions%22%2C%22team%22%3A%7B%22id%22%3A%22T3%"
                 "22%7D%7D",
                 {}, form_type)
              .status == 202);
    CHECK(b.last()->topic() == "slack.interaction.block_actions");
    CHECK(b.last()->source() == "https://slack.com/T3");
    CHECK(b.last()->content_type() == "application/json");
    CHECK(b.post("x=y", {}, form_type).status == 400);
    CHECK(b.post("payload=%7B", {}, form_type).status == 400);
    CHECK(b.post("{").status == 400);
    CHECK(b.seen->count() == 3);
}

TEST_CASE("Shopify's webhooks become events by their headers", "[webhook]") {
    provider_bed b(webhook::from_shopify({"key"}), webhook::shopify_scheme());
    http::fields f{{"X-Shopify-Topic", "orders/create"},
                   {"X-Shopify-Shop-Domain", "cats.myshopify.com"},
                   {"X-Shopify-Webhook-Id", "w-1"},
                   {"X-Shopify-Event-Id", "e-1"},
                   {"X-Shopify-Triggered-At", "2021-02-25T15:02:10.5Z"}};
    CHECK(b.post(R"({"order":1})", f).status == 202);
    CHECK(b.last()->id() == "w-1");
    CHECK(b.last()->topic() == "shopify.orders.create");
    CHECK(b.last()->type() == "com.shopify.orders.create");
    CHECK(b.last()->source() == "https://cats.myshopify.com");
    CHECK(b.last()->time() == "2021-02-25T15:02:10.5Z");
    // No header is signed: the same body is never a second event.
    f.set("X-Shopify-Webhook-Id", "w-2");
    CHECK(b.post(R"({"order":1})", f).status == 401);
    for (const auto* const name :
         {"X-Shopify-Topic", "X-Shopify-Shop-Domain", "X-Shopify-Webhook-Id"}) {
        auto without = f;
        without.erase(name);
        CHECK(b.post(R"({"order":2})", without).status == 400);
    }
    CHECK(b.seen->count() == 1);
}

TEST_CASE("Shopify's events may be known by the id of what happened", "[webhook]") {
    auto o = webhook::from_shopify({"key"});
    o.reader = webhook::read_shopify(webhook::shopify_id::event);
    provider_bed b(std::move(o), webhook::shopify_scheme());
    CHECK(b.post("{}", {{"X-Shopify-Topic", "app/uninstalled"},
                        {"X-Shopify-Shop-Domain", "s"},
                        {"X-Shopify-Event-Id", "e-1"}})
              .status == 202);
    CHECK(b.last()->id() == "e-1");
}

TEST_CASE("a receiver of Twilio's verifies the URL that was asked for", "[webhook]") {
    provider_bed b(webhook::from_twilio({"12345"}, "https://mycompany.com"));
    const std::string body = "AccountSid=AC1&MessageSid=SM1";
    // Of https://mycompany.com/in and that form, by another program.
    const auto post = [&](std::string_view path, std::string_view signature) {
        return b.w.request("POST", b.bed.url() + std::string(path), body,
                           {{"X-Twilio-Signature", std::string(signature)},
                            {"I-Twilio-Idempotency-Token", "t-1"},
                            {"Content-Type", std::string(form_type)}});
    };
    CHECK(post("?x=y", "OMegsAK0evV8HdIFtw4l6mer3OE=").status == 401);
    CHECK(post("", "OMegsAK0evV8HdIFtw4l6mer3OE=").status == 202);
    CHECK(b.last()->topic() == "twilio.message");
    CHECK(b.last()->source() == "https://twilio.com/AC1");
    CHECK(b.last()->id() == "t-1");
    CHECK(b.last()->text() == body);
}

TEST_CASE("a hub's question is answered by what the subscriber wants", "[webhook]") {
    std::vector<webhook::websub_intent> asked;
    provider_bed b({.verifier = std::make_shared<webhook::hmac_verifier>(
                        webhook::websub_schemes(), std::vector<std::string>{"key"}),
                    .challenge = webhook::answer_websub([&](const webhook::websub_intent& i) {
                        asked.push_back(i);
                        return i.topic == "https://a.example/feed";
                    }),
                    .topic = topic_rule::literal("feed")},
                   webhook::websub_schemes()[1]);
    const auto get = [&](const std::string& query) {
        return b.w.request("GET", b.bed.url() + query);
    };
    const auto yes =
        get("?hub.mode=subscribe&hub.topic=https%3A%2F%2Fa.example%2Ffeed&"
            "hub.challenge=c%2B1&hub.lease_seconds=864000");
    CHECK(yes.status == 200);
    CHECK(yes.body == "c+1");
    REQUIRE(asked.size() == 1);
    CHECK(asked[0].mode == "subscribe");
    CHECK(asked[0].lease == std::chrono::hours(240));
    CHECK(get("?hub.mode=unsubscribe&hub.topic=other&hub.challenge=c").status == 404);
    CHECK(get("?hub.mode=denied&hub.topic=other&hub.reason=no").status == 200);
    CHECK(asked.back().reason == "no");
    for (const auto* const query :
         {"", "?hub.mode=subscribe&hub.topic=t", "?hub.mode=subscribe&hub.challenge=c",
          "?hub.mode=publish&hub.topic=t&hub.challenge=c", "?hub.mode=%zz"}) {
        CAPTURE(query);
        CHECK(get(query).status == 400);
    }
    CHECK(asked.size() == 3);
    http::fields f{{"webhook-id", "m-1"}};
    CHECK(b.post("<feed/>", f, "application/atom+xml").status == 202);
    CHECK(b.last()->text() == "<feed/>");
}

TEST_CASE("the payload of Standard Webhooks gives its type and its time", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(w, seen, webhook::from_standard({webhook::secret(receiver_secret)}));
    const std::string body =
        R"({"type":"invoice.paid","timestamp":"2022-11-03T20:26:10.344522Z","data":{"id":1}})";
    CHECK(bed.post_signed("m1", body).status == 202);
    CHECK(seen->events()[0]->type() == "invoice.paid");
    CHECK(seen->events()[0]->topic() == "invoice.paid");
    CHECK(seen->events()[0]->time() == "2022-11-03T20:26:10.344522Z");
    CHECK(seen->events()[0]->id() == "m1");
    CHECK(seen->events()[0]->text() == body);
    const auto other = GENERATE(as<std::string>{}, R"({"type":"invoice.paid"})",
                                R"({"type":"a b","timestamp":"2022-11-03T20:26:10Z"})",
                                R"({"type":"a..b","timestamp":"2022-11-03T20:26:10Z"})",
                                R"({"type":"","timestamp":"2022-11-03T20:26:10Z"})",
                                R"({"type":"a.","timestamp":"2022-11-03T20:26:10Z"})",
                                R"({"type":"a","timestamp":"yesterday"})",
                                R"({"type":"a","type":"b","timestamp":"2022-11-03T20:26:10Z"})",
                                R"({"type":"a","timestamp":1})", "{", "type");
    CAPTURE(other);
    CHECK(bed.post_signed("m2", other).status == 202);
    CHECK(seen->events()[1]->type() == "webhook.received");
}

TEST_CASE("an id stands in the header of the prefix that was agreed on", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    receive_bed bed(
        w, seen,
        webhook::from_standard({webhook::secret(receiver_secret)}, {.header_prefix = "svix-"}));
    const auto post = [&](std::string_view body) {
        http::fields f;
        for (const auto& [name, value] : bed.sign("msg_1", body))
            f.set("svix-" + name.substr(name.find('-') + 1), value);
        return bed.post(std::string(body), std::move(f));
    };
    CHECK(post("{}").status == 202);
    CHECK(seen->events()[0]->id() == "msg_1");
    CHECK(json::parse(post("{}").body) == json{{"duplicate", true}});
    CHECK(seen->count() == 1);
}

TEST_CASE("a percent sign that encodes nothing is taken only where that was agreed on",
          "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    const bool lenient = GENERATE(false, true);
    auto o = webhook::from_standard({webhook::secret(receiver_secret)});
    if (lenient) o.reader = webhook::read_standard({.in_fields = percent_signs::lenient});
    receive_bed bed(w, seen, std::move(o));
    auto f = bed.sign("m1", "{}");
    for (const auto& [name, value] : {std::pair("ce-specversion", "1.0"), std::pair("ce-type", "t"),
                                      std::pair("ce-source", "/s"), std::pair("ce-id", "m1"),
                                      std::pair("ce-subject", "100% of %41")})
        f.set(name, value);
    CHECK(bed.post("{}", f).status == (lenient ? 202 : 400));
    if (lenient) CHECK(seen->events()[0]->subject() == "100% of A");
}

TEST_CASE("a sender that asks for consent gets it by name", "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    auto o = webhook::from_standard({webhook::secret(receiver_secret)});
    o.webhook_origins = {"events.example.com"};
    o.webhook_rate = 120;
    receive_bed bed(w, seen, std::move(o));
    const auto ask = [&](std::string_view origin) {
        return w.request("OPTIONS", bed.url(), {},
                         {{"WebHook-Request-Origin", std::string(origin)}});
    };
    const auto yes = ask("Events.example.com");
    CHECK(yes.status == 200);
    CHECK(yes.fields.get("webhook-allowed-origin") == "Events.example.com");
    CHECK(yes.fields.get("webhook-allowed-rate") == "120");
    CHECK(yes.fields.get("allow") == "POST");
    for (const auto* const origin : {"", "example.com", "events.example.com.attacker.example"}) {
        const auto no = ask(origin);
        CHECK(no.status == 403);
        CHECK_FALSE(no.fields.find("webhook-allowed-origin"));
    }
    const auto wrong = w.request("PUT", bed.url());
    CHECK(wrong.status == 405);
    CHECK(wrong.fields.get("allow") == "POST, OPTIONS");
}

TEST_CASE("a responder that throws is answered 503, and one that closes its receiver too",
          "[webhook]") {
    world w;
    const auto seen = std::make_shared<recorder>();
    std::unique_ptr<webhook::receiver> in;
    const bool closes = GENERATE(false, true);
    auto o = webhook::from_standard({webhook::secret(receiver_secret)});
    o.challenge = [&](const http::request&) -> std::optional<http::response> {
        if (!closes) throw std::runtime_error("no");
        in->close();
        return std::nullopt;
    };
    in = std::make_unique<webhook::receiver>(seen, std::move(o));
    http::server server(w.io(), {.environment = w.environment()});
    server.mount("/in", *in);
    server.start();
    CHECK(w.request("GET", url_of(server, "/in")).status == (closes ? 405 : 503));
    CHECK(seen->count() == 0);
}

}  // namespace tidings::test
