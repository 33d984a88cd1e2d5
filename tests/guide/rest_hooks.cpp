// SPDX-License-Identifier: BSL-1.0
// The snippets of docs/rest-hooks.md.
#include "support/catch2.hpp"

#include <tidings/bus.hpp>
#include <tidings/http/server.hpp>
#include <tidings/rest_hook/manager.hpp>
#include <tidings/rest_hook/portal.hpp>
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
