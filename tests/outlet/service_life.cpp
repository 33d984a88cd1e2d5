// SPDX-License-Identifier: BSL-1.0
// What the options of services captured ends with the service.
#include "support/world.hpp"

#include <tidings/bus.hpp>
#include <tidings/rest/service.hpp>
#include <tidings/rest_hook/manager.hpp>
#include <tidings/sse/service.hpp>
#include <tidings/webhook/sender.hpp>
#include <tidings/websocket/service.hpp>

#include <variant>

namespace tidings::test {

namespace {

/// A user's object that owns what it serves, and is captured by the options of that.
struct owner final : metrics_sink {
    void count(std::string_view, labels, std::uint64_t) noexcept override {}
    void gauge(std::string_view, labels, std::int64_t) noexcept override {}
    std::variant<std::monostate, websocket::service, sse::service, rest::service,
                 rest_hook::manager>
        service;
    std::function<void()> on_authenticate;
    std::optional<http::server> server;
};

template <class Options>
Options captured_by(const std::shared_ptr<owner>& o) {
    Options made;
    made.authenticator = [o](const credentials&, error_code&) {
        if (o->on_authenticate) o->on_authenticate();
        return principal{.name = "someone", .anonymous = false};
    };
    made.authorizer = [o](const principal&, action, std::string_view) { return true; };
    made.metrics = o;
    if constexpr (requires { made.log; }) made.log = [o](const log_record&) {};
    if constexpr (requires { made.hooks; }) made.hooks.on_open = [o](const auto&) {};
    return made;
}

void close(owner& o) {
    std::visit(
        [](auto& s) {
            if constexpr (requires { s.close(); }) s.close();
        },
        o.service);
}

}  // namespace

TEST_CASE("a service releases what its options captured when it closes, from inside a call too",
          "[outlet][fault-22]") {
    world w;
    bus hub(w.io(), {.history = {.max_events = 10}});
    webhook::sender sender(w.io(), {.environment = w.environment()});
    auto o = std::make_shared<owner>();
    const std::weak_ptr<owner> watched = o;
    const int kind = GENERATE(0, 1, 2, 3);
    CAPTURE(kind);
    if (kind == 0) o->service = websocket::service(hub, captured_by<websocket::service_options>(o));
    if (kind == 1) o->service = sse::service(hub, captured_by<sse::service_options>(o));
    if (kind == 2) o->service = rest::service(hub, captured_by<rest::service_options>(o));
    if (kind == 3)
        o->service = rest_hook::manager(hub, sender, captured_by<rest_hook::manager_options>(o));
    http::server server(w.io(), {.environment = w.environment()});
    std::visit(
        [&](auto& s) {
            if constexpr (requires(http::exchange & x) { s.handle(x); }) server.mount("/a", s);
        },
        o->service);
    server.start();
    SECTION("closed from outside") {
        close(*o);
        o.reset();
        w.run_ready();
        CHECK(watched.expired());
        CHECK(w.request("GET", url_of(server, "/a?topic=a")).status == 503);
    }
    SECTION("closed inside a call") {
        o->on_authenticate = [watched] {
            if (const auto self = watched.lock()) close(*self);
        };
        o.reset();
        w.request("GET", url_of(server, "/a/x?topic=a"), {},
                  {{"Connection", "upgrade"},
                   {"Upgrade", "websocket"},
                   {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                   {"Sec-WebSocket-Version", "13"}});
        w.run_ready();
        CHECK(watched.expired());
    }
    SECTION("ended with the server") {
        server.stop();
        w.run_ready();
        o.reset();
        CHECK(watched.expired());
    }
}

TEST_CASE("a server releases its log when it has ended", "[outlet][fault-22]") {
    world w;
    auto o = std::make_shared<owner>();
    const std::weak_ptr<owner> watched = o;
    const bool drains = GENERATE(false, true);
    o->server.emplace(
        w.io(), http::server_options{
                    .lanes = 2, .log = [o](const log_record&) {}, .environment = w.environment()});
    o->server->start();
    if (drains)
        o->server->async_drain([](error_code) {});
    else
        o->server->stop();
    o.reset();
    w.run_ready();
    CHECK(watched.expired());
}

}  // namespace tidings::test
