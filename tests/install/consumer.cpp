// SPDX-License-Identifier: BSL-1.0
// The program of every consumer. Little of the library, since it is compiled for each of them, but
// from header to linked body: an error with its condition, an event through the bus, and what needs
// the libraries behind it: a server, and a signed webhook that would go out over TLS.
#include <tidings/bus.hpp>
#include <tidings/errc.hpp>
#include <tidings/http/server.hpp>
#include <tidings/version.hpp>
#include <tidings/webhook/make_secret.hpp>
#include <tidings/webhook/sender.hpp>

#include <boost/asio/io_context.hpp>

#include <iostream>

int main() {
    const tidings::error_code ec = tidings::errc::ws_bad_mask;
    std::cout << "tidings " TIDINGS_VERSION_STRING ": " << ec.message() << '\n';
    if (ec != tidings::condition::protocol_violation) return 1;

    boost::asio::io_context io;
    tidings::bus bus{io};
    int received = 0;
    const auto watch = bus.subscribe("orders.>", tidings::immediate,
                                     [&](const tidings::event_ptr&) { ++received; });
    tidings::http::server server{io, {.port = 0}};
    server.start();
    tidings::webhook::sender sender{io};
    const auto hook =
        bus.subscribe("invoices.>", sender.endpoint({.url = "https://example.com/hook",
                                                     .secret = tidings::webhook::make_secret()}));
    const auto receipt = bus.publish("orders.42", tidings::event{"order.created", "/shop"});
    io.poll();
    std::cout << receipt.matched << " matched, " << received << " received, listening on "
              << server.local_endpoint().port << '\n';
    return receipt.matched == 1 && received == 1 && server.local_endpoint().port != 0 ? 0 : 1;
}
