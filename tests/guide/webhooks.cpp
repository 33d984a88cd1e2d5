// SPDX-License-Identifier: BSL-1.0
// The snippets of docs/webhooks.md.
#include "support/catch2.hpp"

#include <tidings/test/recorder.hpp>
#include <tidings/test/sink_server.hpp>
#include <tidings/tidings.hpp>

#include <boost/asio/io_context.hpp>

#include <iostream>

namespace net = boost::asio;

TEST_CASE("the pages' webhooks are sent", "[guide]") {
    net::io_context io;
    tidings::bus bus{io};
    const std::string old_secret = tidings::webhook::make_secret();
    const std::string new_secret = tidings::webhook::make_secret();
    tidings::log_sink log;
    // [webhook_send]
    namespace webhook = tidings::webhook;
    webhook::sender sender{io, {.max_connections = 256, .log = log}};
    auto hook = bus.subscribe("orders.>", sender.endpoint({.url = "https://example.com/hook",
                                                           .secret = new_secret,
                                                           .secrets = {old_secret},
                                                           .id = "customer-7",
                                                           .max_in_flight = 16}));
    // [/webhook_send]
    // [webhook_order]
    auto ledger =
        bus.subscribe("accounts.*", sender.endpoint({.url = "https://example.com/ledger",
                                                     .secret = new_secret,
                                                     .id = "ledger-7",
                                                     .order = webhook::delivery_order::partition}));
    bus.publish("accounts.42",
                tidings::event{"account.debited", "/bank", {{"cents", 99}}}.extension(
                    "partitionkey", "42"));
    // [/webhook_order]
    // [webhook_request]
    auto partner = sender.endpoint({.url = "https://partner.example/in",
                                    .secret = new_secret,
                                    .id = "partner-9",
                                    .fields = {{"X-Tenant", "blue"}},
                                    .bearer_token = "mF_9.B5f-4.1JqM",
                                    .consent = webhook::consent_request{"hub.example.com", 600},
                                    .rate = {.per_second = 10, .burst = 20}});
    // [/webhook_request]
    CHECK(partner.consent() == tidings::errc::undecided);
    // [webhook_batch]
    auto bulk = bus.subscribe("readings.>",
                              sender.endpoint({.url = "https://example.com/bulk",
                                               .secret = new_secret,
                                               .id = "warehouse",
                                               .form = webhook::body_form::batch,
                                               .batch = {.max_events = 500,
                                                         .max_bytes = 256 * 1024,
                                                         .max_delay = std::chrono::seconds(5)}}));
    // [/webhook_batch]
    // [webhook_proxy]
    const auto proxied = tidings::http::make_proxy_network(
        tidings::io::system_network(),
        {.host = "egress.internal", .port = 4750, .direct = {".svc.cluster.local"}, .log = log});
    webhook::sender outside{io, {.log = log, .environment = {.network = proxied.get()}}};
    // [/webhook_proxy]
    // [webhook_outcome]
    bus.async_publish(
        "orders.42", tidings::event{"com.acme.order.paid", "/shop", {{"total", 99}}}.id("order-42"),
        [&](auto ec, const tidings::receipt&) {
            if (ec) return;  // not every endpoint has taken it
            sender.async_outcome("/shop", "order-42",
                                 [](auto failed, const webhook::event_outcome& o) {
                                     if (failed) return;
                                     for (const auto& d : o.deliveries)
                                         std::cout << d.endpoint << ": " << d.status << ' '
                                                   << d.error.message() << '\n';
                                 });
        });
    // [/webhook_outcome]
    // [webhook_again]
    sender.async_redeliver({.endpoint = "customer-7"}, false, [](auto ec, auto r) {
        if (!ec) std::cout << r.count << " deliveries are made again\n";
    });
    // [/webhook_again]
    const auto history = tidings::make_memory_history({{.pattern = ">", .max_events = 10}});
    auto customer = sender.endpoint(
        {.url = "https://example.com/other", .secret = new_secret, .id = "customer-8"});
    const tidings::position before_the_loss;
    // [webhook_replay]
    customer.async_replay({.from = history, .after = before_the_loss, .as_new = true},
                          [](auto ec, const webhook::replayed& r) {
                              if (!ec) std::cout << r.count << " deliveries are made again\n";
                          });
    // [/webhook_replay]
    CHECK(hook.error() == tidings::error_code());
    CHECK(bulk.error() == tidings::error_code());
    CHECK(ledger.error() == tidings::error_code());
}

TEST_CASE("the pages' operational events are published", "[guide]") {
    net::io_context io;
    tidings::bus bus{io};
    namespace webhook = tidings::webhook;
    // [webhook_operational]
    webhook::sender sender{io, {.operational = {.bus = &bus}}};
    auto alarm = bus.subscribe("tidings.webhook.endpoint.*", [](const tidings::event_ptr& e) {
        std::cout << e->topic() << ": " << e->subject() << ' ' << e->text() << '\n';
    });
    // [/webhook_operational]
    CHECK(alarm.error() == tidings::error_code());
}

TEST_CASE("the pages' webhooks are received", "[guide]") {
    net::io_context io;
    tidings::bus bus{io};
    tidings::http::server server{io, {.port = 0}};
    const auto archive = [](std::string_view) {};
    // [webhook_receive]
    namespace webhook = tidings::webhook;
    auto from_stripe = webhook::from_stripe({"whsec_of_the_endpoint"});
    from_stripe.max_body_bytes = 256 * 1024;
    server.mount("/in/stripe", webhook::receiver{bus, from_stripe});
    server.mount("/in/slack", webhook::receiver{bus, webhook::from_slack({"signing secret"})});

    auto paid = bus.subscribe("stripe.charge.*", [&](const tidings::event_ptr& e) {
        archive(e->text());  // the body, byte for byte
    });
    // [/webhook_receive]
    // [webhook_scheme]
    const webhook::hmac_scheme acme{.signature_header = "x-acme-signature",
                                    .prefix = "v1=",
                                    .timestamp_header = "x-acme-time",
                                    .signed_text = "{timestamp}.{body}"};
    server.mount("/in/acme",
                 webhook::receiver{bus,
                                   {.verifier = std::make_shared<webhook::hmac_verifier>(
                                        acme, std::vector<std::string>{"shared secret"}),
                                    .topic = tidings::topic_rule::prefix("acme")}});
    // [/webhook_scheme]
    CHECK(paid.error() == tidings::error_code());
}
