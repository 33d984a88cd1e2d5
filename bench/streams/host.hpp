// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/bus.hpp>
#include <tidings/http/server.hpp>
#include <tidings/rest/service.hpp>
#include <tidings/sse/service.hpp>
#include <tidings/websocket/service.hpp>

#include <boost/asio/io_context.hpp>

#include <malloc.h>

#include <cstdint>
#include <string>
#include <utility>

namespace streams_bench {

constexpr std::size_t held = 1000;  // by the bus's history

/// What the benches of streams ask: topics as resources, a plain function, an echo, and streams of
/// the bus. One thread runs it.
class host {
 public:
    explicit host(boost::asio::io_context& io)
        : hub_(io, {.history = {.max_events = held}}),
          server_(io, options()) {
        server_.mount("/topics", tidings::rest::service(hub_));
        server_.mount("/plain", [](tidings::http::exchange& x) {
            x.respond({202, {{"Content-Type", "application/json"}}, R"({"accepted":true})"});
        });
        tidings::websocket::service_options echo;
        echo.hooks.on_message = [](const tidings::websocket::session_ptr& s,
                                   const tidings::websocket::message& m) {
            (void)(m.binary ? s->send_binary(m.payload) : s->send_text(m.payload));
            return true;
        };
        server_.mount("/echo", tidings::websocket::service(std::move(echo)));
        server_.mount("/ws", tidings::websocket::service(hub_));
        server_.mount("/events", tidings::sse::service(hub_));
        // Nothing but events: what is counted does not depend on time.
        server_.mount("/quiet-ws", tidings::websocket::service(hub_, {.ping_interval = {}}));
        server_.mount("/quiet-events", tidings::sse::service(hub_, {.heartbeat = {}}));
        server_.mount("/memory", [](tidings::http::exchange& x) {
            ::malloc_trim(0);
            x.respond({.body = std::to_string(::mallinfo2().uordblks)});
        });
        server_.start();
    }

    std::uint16_t port() const { return server_.local_endpoint().port; }
    /// As many events of 128 bytes to what asks for `bench.>`.
    void publish(std::size_t events) {
        for (; events > 0; --events)
            hub_.publish("bench.load", tidings::event("bench", "/bench", text_));
    }

 private:
    static tidings::http::server_options options() {
        tidings::http::server_options o;
        o.max_connections = o.max_connections_per_address = 40'000;
        o.assume_single_thread = true;
        return o;
    }

    const std::string text_ = std::string(128, 'x');
    tidings::bus hub_;
    tidings::subscription counted_ =
        hub_.subscribe("bench.>", tidings::immediate, [](const tidings::event_ptr&) {});
    tidings::http::server server_;
};

}  // namespace streams_bench
