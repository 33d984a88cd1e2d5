// SPDX-License-Identifier: BSL-1.0
// The package as its user meets it: headers, the library, what stands behind it, the component test.
#include <tidings/bus.hpp>
#include <tidings/test/manual_clock.hpp>
#include <tidings/version.hpp>
#include <tidings/webhook/make_secret.hpp>

#include <boost/asio/io_context.hpp>

#include <iostream>

int main() {
    boost::asio::io_context io;
    tidings::bus bus{io};
    tidings::test::manual_clock clock;
    int received = 0;
    const auto watch = bus.subscribe("orders.>", tidings::immediate,
                                     [&](const tidings::event_ptr&) { ++received; });
    bus.publish("orders.42", tidings::event{"order.created", "/shop"});
    const bool good = received == 1 && clock.now() == clock.now() &&
                      tidings::webhook::make_secret().starts_with("whsec_");
    std::cout << "tidings " TIDINGS_VERSION_STRING << (good ? ": good" : ": bad") << '\n';
    return good ? 0 : 1;
}
