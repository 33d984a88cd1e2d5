// SPDX-License-Identifier: BSL-1.0
// The snippets of docs/rest-hooks.md.
#include "support/catch2.hpp"

#include <tidings/bus.hpp>
#include <tidings/http/server.hpp>
#include <tidings/rest_hook/manager.hpp>
#include <tidings/rest_hook/portal.hpp>
#include <tidings/rest_hook/subscriber_client.hpp>
#include <tidings/rest_hook/websub_hub.hpp>
#include <tidings/store/memory_table.hpp>
#include <tidings/webhook/sender.hpp>

#include <boost/asio/io_context.hpp>

namespace net = boost::asio;

TEST_CASE("the pages' manager of REST hooks is mounted", "[guide]") {
    net::io_context io;
    tidings::bus bus{io};
    tidings::webhook::sender sender{io};
    tidings::http::server server{io, {.port = 0}};
    const auto table = tidings::store::make_memory_table();
    // [rest_hook_mount]
    namespace rest_hook = tidings::rest_hook;
    server.mount("/hooks", rest_hook::manager{bus,
                                              sender,
                                              {.table = table,
                                               .authenticator = tidings::bearer_token("api-token"),
                                               .authorizer = tidings::allow_all(),
                                               .max_lease = std::chrono::hours(24 * 90)}});
    // [/rest_hook_mount]
    // [rest_hook_proof]
    rest_hook::manager_options options{.authorizer = tidings::allow_all()};
    options.proof.origin = "hub.example.com";
    options.proof.public_url = "https://hub.example.com/hooks";
    options.proof.rules = {{.host_suffix = "zapier.com", .takes = {rest_hook::proof::none}},
                           {.principal = "billing", .takes = {rest_hook::proof::none}},
                           {.network = "10.8.0.0/16", .takes = {rest_hook::proof::echo}}};
    // [/rest_hook_proof]
    // [websub_hub]
    rest_hook::manager hooks{bus, sender, {.table = table}};
    server.mount("/websub/hooks", hooks);  // shows them to this machine
    server.mount("/hub", rest_hook::websub_hub{hooks,
                                               {.public_url = "https://example.com/hub",
                                                .topic_prefix = "https://example.com/topics/",
                                                .authenticator = tidings::allow_anonymous(),
                                                .authorizer = tidings::allow_all()}});
    // [/websub_hub]
    server.mount("/strict", rest_hook::manager{bus, sender, std::move(options)});
    CHECK(bus.subscriptions() == 0);
}

TEST_CASE("the page's portal gives tickets", "[guide]") {
    net::io_context io;
    tidings::bus bus{io};
    tidings::webhook::sender sender{io};
    tidings::http::server server{io, {.port = 0}};
    const auto table = tidings::store::make_memory_table();
    namespace rest_hook = tidings::rest_hook;
    // [rest_hook_portal]
    rest_hook::manager manager{bus, sender, {.table = table, .authorizer = tidings::allow_all()}};
    rest_hook::portal portal{manager, {.title = "Webhooks of the shop"}};
    server.mount("/webhooks", portal);

    // Where the application has identified its customer:
    tidings::error_code ec;
    const auto ticket = portal.make_ticket({.who = {.name = "ann"}}, ec);
    const auto link = "https://shop.example/webhooks/#ticket=" + ticket;
    // [/rest_hook_portal]
    CHECK_FALSE(ec);
    CHECK(link.size() > ticket.size());
}

TEST_CASE("the page's event types are taken", "[guide]") {
    net::io_context io;
    tidings::bus bus{io};
    tidings::webhook::sender sender{io};
    namespace rest_hook = tidings::rest_hook;
    // [rest_hook_event_types]
    rest_hook::manager_options options{.authorizer = tidings::allow_all()};
    options.event_types = {
        {.name = "orders.paid",
         .description = "An order has been paid.",
         .schema = R"({"type": "object", "required": ["total"]})",
         .example = R"({"total": 99})"},
        {.name = "carts.*.left", .description = "Nobody bought what was in it."}};
    options.known_types_only = true;
    // [/rest_hook_event_types]
    CHECK_NOTHROW(rest_hook::manager(bus, sender, std::move(options)));
}

TEST_CASE("the page's subscriber is mounted and started", "[guide]") {
    net::io_context io;
    tidings::bus bus{io};
    tidings::http::server server{io, {.port = 0}};
    const auto table = tidings::store::make_memory_table();
    // [subscriber_client]
    tidings::rest_hook::subscriber_client orders{io,
                                                 bus,
                                                 {.api_url = "https://shop.example/hooks",
                                                  .event = "orders.>",
                                                  .public_url = "https://mine.example/in/orders",
                                                  .lease = std::chrono::hours(24 * 7),
                                                  .at_stop = tidings::rest_hook::stop_action::keep,
                                                  .table = table,
                                                  .name = "orders",
                                                  .token = "api-token"}};
    tidings::rest_hook::subscriber_client news{io,
                                               bus,
                                               {.topic_url = "https://blog.example/feed",
                                                .public_url = "https://mine.example/in/news",
                                                .table = table,
                                                .name = "news"}};
    server.mount("/in/orders", orders);
    server.mount("/in/news", news);
    orders.start();
    news.start();
    // [/subscriber_client]
    using tidings::rest_hook::subscriber_client_state;
    CHECK(orders.status().state == subscriber_client_state::stopped);  // nothing ran yet
    orders.close();
    news.close();
    io.poll();
    CHECK(orders.status().error == tidings::errc::closed);
}
