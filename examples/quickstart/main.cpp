#include <tidings/tidings.hpp>
#include <iostream>
namespace net = boost::asio;

int main() {
    net::io_context io;
    tidings::bus bus{io, {.history = {.max_events = 10'000}}};       // in-process pub-sub with resume

    tidings::http::server server{io, {.port = 8080}};                // 127.0.0.1 unless told otherwise
    server.mount("/ws",      tidings::websocket::service{bus});      // browsers, full duplex
    server.mount("/events",  tidings::sse::service{bus});            // EventSource, resumable
    server.mount("/topics",  tidings::rest::service{bus});           // curl -d '{"total":99}' .../topics/orders.42.created

    tidings::webhook::sender sender{io};                             // memory outbox; tidings::sqlite for a durable one
    auto hook = bus.subscribe("orders.>", sender.endpoint({.url = "https://example.com/hook", .secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"}));
    server.mount("/hooks",   tidings::rest_hook::manager{bus, sender});

    auto watch = bus.subscribe("orders.>", [](const tidings::event_ptr& e) { std::cout << e->topic() << ' ' << e->text() << '\n'; });
    bus.publish("orders.42.created", tidings::event{"com.acme.order.created", "/shop", {{"total", 99}}});

    server.start();
    tidings::drain_on_signal(io, server, sender);                    // Ctrl-C: drain, then run() returns
    io.run();
}
