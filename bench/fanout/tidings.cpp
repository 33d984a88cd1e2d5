// SPDX-License-Identifier: BSL-1.0
//
// tidings: through the bus, by a pattern, with a history. What every peer does, and more.

#include <tidings/bus.hpp>
#include <tidings/http/server.hpp>
#include <tidings/sse/service.hpp>
#include <tidings/websocket/service.hpp>

#include <boost/asio/io_context.hpp>

#include <cstdio>

namespace websocket = tidings::websocket;

int main() {
    boost::asio::io_context io{1};
    tidings::bus bus{io, {.history = {.max_events = 10'000}}};

    tidings::http::server_options options;
    options.max_connections_per_address = 20'000;
    options.assume_single_thread = true;
    tidings::http::server server{io, std::move(options)};

    websocket::service_options plain;
    plain.codec = websocket::plain_codec("bench", "/bench");
    server.mount("/ws", websocket::service{bus, std::move(plain)});

    websocket::service_options publisher;
    publisher.hooks.on_message = [&](const websocket::session_ptr&, const websocket::message& m) {
        bus.publish("bench.message", tidings::event{"bench", "/bench", m.payload});
        return true;
    };
    server.mount("/pub", websocket::service{std::move(publisher)});
    server.mount("/events", tidings::sse::service{bus, {.payload = tidings::sse::payload::data}});

    server.start();
    std::printf("listening %u\n", server.local_endpoint().port);
    std::fflush(stdout);
    io.run();
}
