// SPDX-License-Identifier: BSL-1.0
// The hub that crash.mjs kills: its history and its outbox are in one file.
//
//     webhook_crash_program FILE SOCKET URL
//
// Serves /topics, /events and /ws at SOCKET, and delivers everything to three endpoints: URL/any,
// as it comes, URL/fifo, in order, and URL/batch, in order and many at once. For each event of `a`
// that it is given it publishes one of `plain` without asking what becomes of it.
#include <tidings/store/sqlite/history.hpp>
#include <tidings/store/sqlite/outbox.hpp>
#include <tidings/tidings.hpp>

#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <iostream>
#include <string>

namespace net = boost::asio;

namespace {

tidings::webhook::sender_options sender_options(std::shared_ptr<tidings::store::outbox> outbox) {
    tidings::webhook::sender_options o;
    o.outbox = std::move(outbox);
    o.log = [](const tidings::log_record& r) {
        if (r.level >= tidings::log_level::warning)
            std::cerr << r.message << ": " << r.error.message() << std::endl;
    };
    o.guard = {.allow_loopback = true, .schemes = {"http"}};
    return o;
}

tidings::webhook::endpoint_options endpoint(const std::string& url, const std::string& id) {
    using namespace std::chrono_literals;
    tidings::webhook::endpoint_options o;
    o.url = url + '/' + id;
    o.secret = "whsec_" + std::string(32, 'S');
    o.id = id;
    o.max_in_flight = 4;
    o.retry.emplace().delays.assign(20, 20ms);
    o.retry->delays.front() = 0ms;
    if (id != "any") o.order = tidings::webhook::delivery_order::endpoint;
    if (id == "batch") {
        o.form = tidings::webhook::body_form::batch;
        o.batch.max_events = 7;
        o.batch.max_delay = 20ms;
    }
    return o;
}

void run(const char* file, const char* socket, const std::string& url) {
    net::io_context io;
    tidings::sqlite::database db{
        io, {.path = file, .durable = tidings::sqlite::durability::process, .min_free_bytes = 0}};
    tidings::bus bus{io,
                     {.history = {.implementation = tidings::sqlite::make_history(
                                      db, {{.pattern = ">", .max_events = 1'000'000}})}}};
    tidings::webhook::sender sender{io, sender_options(tidings::sqlite::make_outbox(db))};
    const auto any = bus.subscribe(">", sender.endpoint(endpoint(url, "any")));
    const auto fifo = bus.subscribe(">", sender.endpoint(endpoint(url, "fifo")));
    const auto batch = bus.subscribe(">", sender.endpoint(endpoint(url, "batch")));
    const auto plain = bus.subscribe("a", [&](const tidings::event_ptr& e) {
        bus.publish("plain", tidings::event{"plain", "/crash", e->text()});
    });
    std::remove(socket);
    tidings::http::server server{io, {.unix_path = socket, .allowed_hosts = {"*"}}};
    const auto anybody = tidings::allow_anonymous();
    server.mount("/events", tidings::sse::service{bus, {.authenticator = anybody}});
    server.mount("/ws", tidings::websocket::service{bus, {.authenticator = anybody}});
    server.mount("/topics", tidings::rest::service{bus, {.authenticator = anybody}});
    server.start();
    std::cout << "ready" << std::endl;
    io.run();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::cerr << "usage: webhook_crash_program FILE SOCKET URL\n";
        return 2;
    }
    try {
        run(argv[1], argv[2], argv[3]);
        return 0;
    } catch (const std::exception& e) {
        std::cerr << e.what() << '\n';
        return 1;
    }
}
