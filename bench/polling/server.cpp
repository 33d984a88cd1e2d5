// SPDX-License-Identifier: BSL-1.0
//
// What the polling bench measures: one bus with a history, and every way to get its events.
// Usage: polling_server 0 [webhooks port]: so many endpoints at http://127.0.0.1:port/<n>.

#include <tidings/bus.hpp>
#include <tidings/http/server.hpp>
#include <tidings/rest/service.hpp>
#include <tidings/sse/service.hpp>
#include <tidings/webhook/sender.hpp>
#include <tidings/websocket/service.hpp>

#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

int main(int count, char** arguments) {
    boost::asio::io_context io{1};
    tidings::bus bus{io, {.history = {.max_events = 10'000}}};
    tidings::http::server_options options;
    options.max_connections_per_address = 20'000;
    options.assume_single_thread = true;
    tidings::http::server server{io, std::move(options)};
    server.mount("/topics", tidings::rest::service{bus});
    server.mount("/events", tidings::sse::service{bus});
    server.mount("/ws", tidings::websocket::service{bus});

    tidings::webhook::sender sender{io, {.guard = {.allow_loopback = true, .schemes = {"http"}}}};
    std::vector<tidings::subscription> hooks;
    if (count == 4) {
        for (long i = 0; i < std::atol(arguments[2]); ++i) {
            hooks.push_back(bus.subscribe(
                "bench.>", sender.endpoint({.url = std::string("http://127.0.0.1:") + arguments[3] +
                                                   '/' + std::to_string(i),
                                            .secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"})));
        }
    }
    server.start();
    std::printf("listening %u\n", server.local_endpoint().port);
    std::fflush(stdout);
    io.run();
}
