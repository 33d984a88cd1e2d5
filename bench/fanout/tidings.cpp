// SPDX-License-Identifier: BSL-1.0
//
// tidings: through the bus, by a pattern, with a history. What every peer does, and more.
//
//     fanout_tidings [bare] [any] [lanes] 0
//
// `bare` keeps no history, `any` does not say that one thread runs it, `lanes` has four of them on
// two threads.

#include <tidings/bus.hpp>
#include <tidings/http/server.hpp>
#include <tidings/sse/service.hpp>
#include <tidings/websocket/service.hpp>

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <thread>
#include <vector>

namespace websocket = tidings::websocket;

int main(int count, char** arguments) {
    const std::vector<std::string_view> given(arguments + 1, arguments + count);
    const auto has = [&](std::string_view name) {
        return std::find(given.begin(), given.end(), name) != given.end();
    };
    const bool lanes = has("lanes");
    boost::asio::io_context io{lanes ? 2 : 1};
    tidings::bus bus{io, {.history = {.max_events = has("bare") ? 0U : 10'000U}}};

    tidings::http::server_options options;
    options.max_connections_per_address = 20'000;
    options.assume_single_thread = !lanes && !has("any");
    if (lanes) options.lanes = 4;
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
    std::jthread second;
    if (lanes) second = std::jthread{[&] { io.run(); }};
    io.run();
}
