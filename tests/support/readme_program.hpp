// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/webhook_bed.hpp"

#include <tidings/bus.hpp>
#include <tidings/http/client.hpp>
#include <tidings/http/server.hpp>
#include <tidings/rest/service.hpp>
#include <tidings/rest_hook/manager.hpp>
#include <tidings/sse/client.hpp>
#include <tidings/sse/service.hpp>
#include <tidings/test/recorder.hpp>
#include <tidings/webhook/sender.hpp>
#include <tidings/websocket/client.hpp>
#include <tidings/websocket/service.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <string>

namespace tidings::test {

/// What handlers count; they may be called when all else is gone.
struct readme_counts {
    std::atomic<int> watched{0};
    std::atomic<int> answers{0};
};

/// The README's program, but for where it listens and delivers.
struct readme_program {
    readme_program(net::io_context& io, std::string target_url, io::environment environment = {},
                   std::size_t lanes = 1)
        : target(std::move(target_url)) {
        bus.emplace(io, bus_options{.history = {.max_events = 10'000}, .clock = environment.clock});
        server.emplace(io, http::server_options{.lanes = lanes, .environment = environment});
        server->mount("/ws", websocket::service{*bus});
        server->mount("/events", sse::service{*bus});
        server->mount("/topics", rest::service{*bus});
        sender.emplace(
            io, webhook::sender_options{.guard = {.allow_loopback = true, .schemes = {"http"}},
                                        .environment = environment});
        hook =
            bus->subscribe("orders.>", sender->endpoint({.url = target, .secret = webhook_secret}));
        server->mount("/hooks", rest_hook::manager{*bus, *sender, {.environment = environment}});
        watch = bus->subscribe("orders.>", [all = counts](const event_ptr&) { ++all->watched; });
        publish();
        server->start();
    }

    void publish() {
        if (bus) bus->publish("orders.42.created", event("com.acme.order.created", "/shop", "{}"));
    }

    static constexpr int objects = 5;
    void destroy(int which) {
        if (which == 0) bus.reset();
        if (which == 1) server.reset();
        if (which == 2) sender.reset();
        if (which == 3) hook.reset();
        if (which == 4) watch.reset();
    }

    const std::string target;
    std::shared_ptr<readme_counts> counts = std::make_shared<readme_counts>();
    std::optional<tidings::bus> bus;
    std::optional<http::server> server;
    std::optional<webhook::sender> sender;
    subscription hook;
    subscription watch;
};

/// Its peers: one by every transport, each with something under way.
struct readme_clients {
    readme_clients(net::io_context& io, readme_program& p, io::environment environment = {})
        : counts(p.counts),
          origin(url_of(*p.server, "")),
          target(p.target),
          http(io, {.environment = environment}),
          ws(std::in_place, io,
             websocket::client_options{.url = "ws" + origin.substr(4) + "/ws",
                                       .topics = {"orders.>"},
                                       .environment = environment},
             seen),
          events(std::in_place, io,
                 sse::client_options{
                     .url = origin + "/events", .topics = {"orders.>"}, .environment = environment},
                 seen) {
        ws->start();
        events->start();
        ask("GET", "/topics/orders.none?wait=30s");
        ask("GET", "/topics/orders.%3E?after=");
        post();
        subscribe("?rest");
    }
    void ask(std::string method, const std::string& path, std::string body = {}) {
        http.async_request(origin + path,
                           {.method = std::move(method),
                            .fields = {{"Content-Type", "application/json"}},
                            .body = std::move(body)},
                           [all = counts](error_code, http::response) { ++all->answers; });
    }
    void post() { ask("POST", "/topics/orders.1.created", "{}"); }
    void subscribe(const std::string& query) {
        ask("POST", "/hooks",
            R"({"event":"orders.>","target_url":")" + target + query + R"(","secret":")" +
                webhook_secret + "\"}");
    }
    /// A frame on its way to a server that will refuse it.
    void send() {
        error_code ec;
        const auto e = publication::make("orders.2", event("t", "/s", "x"), {}, ec);
        ws->as_subscriber()->deliver(e);
    }

    std::shared_ptr<readme_counts> counts;
    const std::string origin;
    const std::string target;
    std::shared_ptr<recorder> seen = std::make_shared<recorder>();
    http::client http;
    std::optional<websocket::client> ws;
    std::optional<sse::client> events;
};

}  // namespace tidings::test
