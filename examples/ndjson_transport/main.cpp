// SPDX-License-Identifier: BSL-1.0
// A server with a transport that the library does not have (ndjson.hpp):
//
//     curl -N 'http://127.0.0.1:<port>/ndjson?topic=orders.%3E'
//     curl -d '{"total":99}' http://127.0.0.1:<port>/topics/orders.42.created
#include "ndjson.hpp"

#include <tidings/drain.hpp>
#include <tidings/http/server.hpp>
#include <tidings/rest/service.hpp>

#include <boost/asio/io_context.hpp>

#include <iostream>

int main(int argc, char**) {
    if (argc != 1) {
        std::cerr << "usage: ndjson_transport\n";
        return 2;
    }
    boost::asio::io_context io;
    tidings::bus bus{io, {.history = {.max_events = 1000}}};
    tidings::http::server server{io};
    server.mount("/ndjson", ndjson::service{bus, {.heartbeat = std::chrono::seconds(1)}});
    server.mount("/topics", tidings::rest::service{bus});
    server.start();
    std::cout << "listening " << server.local_endpoint().port << std::endl;
    tidings::drain_on_signal(io, server);
    io.run();
}
