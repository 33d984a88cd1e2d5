// SPDX-License-Identifier: BSL-1.0
// The program of every consumer. Little of the library, since it is compiled for each of them, but
// from header to linked body: an error with its condition, and an event through the bus.
#include <tidings/bus.hpp>
#include <tidings/errc.hpp>
#include <tidings/version.hpp>

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
    const auto receipt = bus.publish("orders.42", tidings::event{"order.created", "/shop"});
    std::cout << receipt.matched << " matched, " << received << " received\n";
    return receipt.matched == 1 && received == 1 ? 0 : 1;
}
