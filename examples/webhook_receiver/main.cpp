// SPDX-License-Identifier: BSL-1.0
// Receives webhooks that are signed by Standard Webhooks and prints each event once, however often
// it is delivered:
//
//     webhook_receiver --port 8080 whsec_...        # POST to http://127.0.0.1:8080/hook
//
// The key is the sender's secret, or its public key (whpk_...); several are given while one is
// replaced by another.
#include <tidings/drain.hpp>
#include <tidings/http/server.hpp>
#include <tidings/webhook/standard.hpp>

#include <boost/asio/io_context.hpp>

#include <charconv>
#include <cstring>
#include <iostream>
#include <string_view>
#include <vector>

namespace net = boost::asio;
namespace webhook = tidings::webhook;

namespace {

bool read_arguments(int argc, char** argv, std::uint16_t& port,
                    std::vector<webhook::standard_key>& keys) {
    int i = 1;
    if (argc > 2 && std::strcmp(argv[1], "--port") == 0) {
        const auto* const end = argv[2] + std::strlen(argv[2]);
        const auto [stop, ec] = std::from_chars(argv[2], end, port);
        if (ec != std::errc() || stop != end) return false;
        i = 3;
    }
    for (; i < argc; ++i) {
        tidings::error_code ec;
        keys.push_back(webhook::standard_key::parse(argv[i], ec));
        if (!ec) continue;
        std::cerr << "webhook_receiver: " << ec.message() << '\n';
        return false;
    }
    return !keys.empty();
}

void receive(std::uint16_t port, const std::vector<webhook::standard_key>& keys) {
    net::io_context io;
    tidings::http::server server{io, {.port = port}};
    // Any subscriber may stand here, such as a bus. A function has taken the event when it returns:
    // then the sender is answered 202. If it throws, the answer is 503, and the sender repeats.
    const auto print = [](const tidings::event_ptr& e) {
        std::cout << e->topic() << ' ' << e->id() << ' ' << e->text() << std::endl;
    };
    server.mount("/hook", webhook::receiver{print, webhook::from_standard(keys)});
    server.start();
    std::cout << "listening " << server.local_endpoint().port << std::endl;
    tidings::drain_on_signal(io, server);
    io.run();
}

}  // namespace

int main(int argc, char** argv) {
    std::uint16_t port = 0;
    std::vector<webhook::standard_key> keys;
    if (!read_arguments(argc, argv, port, keys)) {
        std::cerr << "usage: webhook_receiver [--port N] whsec_...|whpk_... ...\n";
        return 2;
    }
    try {
        receive(port, keys);
    } catch (const std::exception& e) {
        std::cerr << "webhook_receiver: " << e.what() << '\n';
        return 1;
    }
}
