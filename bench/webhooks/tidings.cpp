// SPDX-License-Identifier: BSL-1.0
//
// tidings: a sender with its outbox in memory and everything on that is on by default, the guard
// and the breaker among it, and a log.
//
//     webhooks_tidings CONNECTIONS MESSAGES PORT...

#include "message.hpp"

#include <tidings/bus.hpp>
#include <tidings/webhook/sender.hpp>

#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
    if (argc < 4) return 1;
    const std::size_t connections = std::strtoul(argv[1], nullptr, 10);
    const std::size_t messages = std::strtoul(argv[2], nullptr, 10);
    boost::asio::io_context io{1};
    tidings::bus bus{io};

    std::size_t next = 0, done = 0;
    std::vector<std::string> topics;
    const auto publish = [&] {
        if (next == messages) return;
        const auto number = next++;
        bus.publish(
            topics[number % topics.size()],
            tidings::event{"bench.order", "/bench", webhooks::body(number), "application/json"});
    };
    tidings::webhook::sender_options options;
    options.guard = {.allow_loopback = true, .schemes = {"http"}};
    options.log = [](const tidings::log_record& r) {
        std::fprintf(stderr, "%.*s\n", static_cast<int>(r.message.size()), r.message.data());
    };
    options.on_attempt = [&](const tidings::webhook::attempt& a) {
        if (a.result != tidings::webhook::verdict::success) std::exit(1);
        if (++done == messages) return io.stop();
        publish();
    };
    tidings::webhook::sender sender{io, std::move(options)};
    std::vector<tidings::subscription> hooks;
    for (int i = 3; i < argc; ++i) {
        topics.push_back("bench." + std::to_string(i));
        hooks.push_back(bus.subscribe(
            topics.back(),
            sender.endpoint({.url = "http://127.0.0.1:" + std::string{argv[i]} + "/hook",
                             .secret = std::string{webhooks::secret},
                             .max_in_flight = connections})));
    }
    std::puts("sending 1");
    std::fflush(stdout);
    // Twice as many are owed as can be under way: one that is answered never waits for the next.
    for (std::size_t i = 0; i < 2 * connections * topics.size(); ++i) publish();
    io.run();
    return done == messages ? 0 : 1;
}
