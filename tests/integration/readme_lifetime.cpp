// SPDX-License-Identifier: BSL-1.0
// The objects of the README's program, and the context, go in every order with traffic of every
// kind under way. What is left over, or used after its end, the fixtures and ASan find.
#include "support/world.hpp"

#include <tidings/bus.hpp>
#include <tidings/rest/service.hpp>
#include <tidings/rest_hook/manager.hpp>
#include <tidings/sse/client.hpp>
#include <tidings/sse/service.hpp>
#include <tidings/test/recorder.hpp>
#include <tidings/webhook/sender.hpp>
#include <tidings/websocket/client.hpp>
#include <tidings/websocket/service.hpp>

#include <algorithm>
#include <array>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

/// What handlers count, who may be called when all else is gone.
struct seen_by_all {
    std::vector<http::exchange> unanswered;
    int watched = 0;
    int answers = 0;
};

/// The program, but for where it listens and delivers.
struct program {
    explicit program(world& in) : w(in), target(in) {
        target.answer = [all = all](http::exchange& x) { all->unanswered.push_back(std::move(x)); };
        bus.emplace(w.io(), bus_options{.history = {.max_events = 10'000}, .clock = &w.clock()});
        server.emplace(w.io(), http::server_options{.environment = w.environment()});
        server->mount("/ws", websocket::service{*bus});
        server->mount("/events", sse::service{*bus});
        server->mount("/topics", rest::service{*bus});
        sender.emplace(
            w.io(), webhook::sender_options{.guard = {.allow_loopback = true, .schemes = {"http"}},
                                            .environment = w.environment()});
        hook = bus->subscribe(
            "orders.>",
            sender->endpoint({.url = target.url(), .secret = "whsec_" + std::string(32, 'S')}));
        server->mount("/hooks",
                      rest_hook::manager{*bus, *sender, {.environment = w.environment()}});
        watch = bus->subscribe("orders.>", [all = all](const event_ptr&) { ++all->watched; });
        publish();
        server->start();
    }

    void publish() {
        if (bus) bus->publish("orders.42.created", event("com.acme.order.created", "/shop", "{}"));
    }

    world& w;
    sink_server target;
    std::shared_ptr<seen_by_all> all = std::make_shared<seen_by_all>();
    std::optional<tidings::bus> bus;
    std::optional<http::server> server;
    std::optional<webhook::sender> sender;
    subscription hook;
    subscription watch;
};

/// Who talks to it: one by every transport, each with something under way.
struct clients {
    explicit clients(program& p)
        : all(p.all),
          http(p.w.io(), {.environment = p.w.environment()}),
          ws(std::in_place, p.w.io(),
             websocket::client_options{.url = "ws" + url_of(*p.server, "/ws").substr(4),
                                       .topics = {"orders.>"},
                                       .environment = p.w.environment()},
             seen),
          events(std::in_place, p.w.io(),
                 sse::client_options{.url = url_of(*p.server, "/events"),
                                     .topics = {"orders.>"},
                                     .environment = p.w.environment()},
                 seen) {
        ask("GET", url_of(*p.server, "/topics/orders.none?wait=30s"));
        ask("GET", url_of(*p.server, "/topics/orders.%3E?after="));
        ask("POST", url_of(*p.server, "/topics/orders.1.created"), "{}");
        ask("POST", url_of(*p.server, "/hooks"),
            R"({"event":"orders.>","target_url":")" + p.target.url("/hook?rest") + "\"}");
    }
    void ask(std::string method, std::string url, std::string body = {}) {
        http.async_request(std::move(url),
                           {.method = std::move(method),
                            .fields = {{"Content-Type", "application/json"}},
                            .body = std::move(body)},
                           [all = all](error_code, http::response) { ++all->answers; });
    }
    /// A frame on its way to a server that will refuse it.
    void send() {
        error_code ec;
        const auto e = publication::make("orders.2", event("t", "/s", "x"), {}, ec);
        ws->as_subscriber()->deliver(e);
    }

    std::shared_ptr<seen_by_all> all;
    std::shared_ptr<recorder> seen = std::make_shared<recorder>();
    http::client http;
    std::optional<websocket::client> ws;
    std::optional<sse::client> events;
};

// One handler at a time, publishing all the while.
void run_steps(program& p, clients& c, int steps) {
    for (int i = 0; i < steps; ++i) {
        if (p.w.io().stopped()) p.w.io().restart();
        if (p.w.io().poll_one() == 0 && !p.w.clock().advance_to_next()) return;
        if (i % 8 == 0) p.publish();
        if (i % 16 == 0) c.send();
    }
}

}  // namespace

TEST_CASE("the traffic of the README's program is under way when its objects go", "[lifetime]") {
    world w;
    program p(w);
    clients c(p);
    w.run_until([&] {
        return p.all->answers == 3 && c.seen->count() != 0 && p.all->watched != 0 &&
               !p.all->unanswered.empty() && p.server->connections() >= 4;
    });
    p.publish();
    w.run_until([&] { return p.all->unanswered.size() >= 2; });  // to the endpoint and to the hook
    CHECK(p.all->answers == 3);                                  // the long poll waits still
}

TEST_CASE("context, bus, server, sender, hook and watch go in any order amid traffic",
          "[lifetime]") {
    std::array<int, 6> order{0, 1, 2, 3, 4, 5};
    int steps = 0;
    do {
        // Another moment each time, from before the first handler to long after the last answer.
        steps = (steps + 37) % 401;
        const bool clients_first = steps % 2 == 0;
        INFO("steps " << steps << ", order " << order[0] << order[1] << order[2] << order[3]
                      << order[4] << order[5]);
        world w;
        std::optional<program> p(std::in_place, w);
        std::optional<clients> c(std::in_place, *p);
        run_steps(*p, *c, steps);
        if (clients_first) c.reset();
        bool gone = false;
        for (const int which : order) {
            if (which == 0) {
                gone = true;
                w.destroy_context();
            }
            if (which == 1) p->bus.reset();
            if (which == 2) p->server.reset();
            if (which == 3) p->sender.reset();
            if (which == 4) p->hook.reset();
            if (which == 5) p->watch.reset();
            // Some of what that set going has happened when the next one goes.
            if (!gone && c) run_steps(*p, *c, 3);
        }
    } while (std::next_permutation(order.begin(), order.end()));
}

}  // namespace tidings::test
