// SPDX-License-Identifier: BSL-1.0
// An independent witness for examples/run.sh: writes `<id> <type> <SHA-256 of the data>` for every
// event that reaches it, by the bus, a webhook or a REST hook. Of the N-th of `--lose N` it takes
// no notice, as a test of the comparison of the lists.
#include <tidings/tidings.hpp>

#include <openssl/evp.h>
#include <boost/asio/signal_set.hpp>

#include <array>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <span>

namespace net = boost::asio;

namespace {

struct options {
    std::string route, out, secret, hub, topic = ">", lose;
};

std::optional<options> parse(int argc, char** argv) {
    options o;
    if (argc < 2) return std::nullopt;
    o.route = argv[1];
    const std::map<std::string_view, std::string*> known{{"--out", &o.out},
                                                         {"--secret", &o.secret},
                                                         {"--hub", &o.hub},
                                                         {"--topic", &o.topic},
                                                         {"--lose", &o.lose}};
    for (int i = 2; i < argc; i += 2) {
        const auto it = known.find(argv[i]);
        if (it == known.end() || i + 1 == argc) return std::nullopt;
        *it->second = argv[i + 1];
    }
    const bool bus = o.route == "bus" && !o.hub.empty();
    const bool hook = (o.route == "webhook" || o.route == "rest_hook") && !o.secret.empty();
    return !o.out.empty() && (bus || hook) ? std::optional(o) : std::nullopt;
}

std::string sha256_hex(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
    std::string hex;
    for (const auto byte : std::span(digest).first(size)) {
        hex += "0123456789abcdef"[byte >> 4];
        hex += "0123456789abcdef"[byte & 15];
    }
    return hex;
}

// Through a WebSocket into a bus of its own, read by a callback: what a program behind the hub
// does.
void watch_bus(net::io_context& io, const options& o, const tidings::event_callback auto& write) {
    tidings::bus bus{io};
    const auto watch = bus.subscribe(">", write, {.limits = {64 << 20, 100'000}});
    tidings::websocket::client client{
        io,
        {.url = "ws" + o.hub.substr(4) + "/ws",
         .topics = {o.topic},
         .on_state =
             [](tidings::connection_state s, tidings::error_code, const tidings::diagnostics&) {
                 if (s == tidings::connection_state::open)
                     std::cout << "observer: ready" << std::endl;
             }},
        bus};
    client.start();
    net::signal_set signals(io, SIGINT, SIGTERM);
    signals.async_wait([&](auto, int) { io.stop(); });
    io.run();
}

void receive_hooks(net::io_context& io, const options& o,
                   const tidings::event_callback auto& write) {
    tidings::bus bus{io};
    const auto watch = bus.subscribe(">", tidings::immediate, write);
    tidings::http::server server{io};
    auto receiving = tidings::webhook::from_standard({tidings::webhook::secret(o.secret)});
    receiving.max_body_bytes = 4 << 20;
    server.mount("/hook", tidings::webhook::receiver{bus, receiving});
    server.start();
    std::cout << "observer: listening on http://127.0.0.1:" << server.local_endpoint().port
              << "/hook\nobserver: ready" << std::endl;
    tidings::drain_on_signal(io, server);
    io.run();
}

}  // namespace

int main(int argc, char** argv) {
    const auto o = parse(argc, argv);
    if (!o) {
        std::cerr
            << "usage: hub_observer bus --hub URL [--topic PATTERN] --out FILE [--lose N]\n"
               "       hub_observer webhook|rest_hook --secret whsec_... --out FILE [--lose N]\n";
        return 2;
    }
    std::ofstream out(o->out);
    if (!out) {
        std::cerr << "hub_observer: cannot write " << o->out << '\n';
        return 1;
    }
    const int lose = std::atoi(o->lose.c_str());
    int received = 0;
    const auto write = [&](const tidings::event_ptr& e) {
        if (++received == lose) return;
        out << e->id() << ' ' << e->type() << ' ' << sha256_hex(e->text()) << std::endl;
    };
    try {
        net::io_context io;
        o->route == "bus" ? watch_bus(io, *o, write) : receive_hooks(io, *o, write);
        return out ? 0 : 1;
    } catch (const std::exception& e) {
        std::cerr << "hub_observer: " << e.what() << '\n';
        return 1;
    }
}
