// SPDX-License-Identifier: BSL-1.0
// Raw WebSocket messages: a server that echoes, and with --connect URL a client that echoes until
// the peer closes.
#include <tidings/http/server.hpp>
#include <tidings/websocket/client.hpp>
#include <tidings/websocket/service.hpp>

#include <boost/asio/io_context.hpp>

#include <charconv>
#include <cstring>
#include <iostream>
#include <stdexcept>

namespace net = boost::asio;
namespace websocket = tidings::websocket;

namespace {

constexpr std::size_t max_message_bytes = 16 << 20;

websocket::hooks echo() {
    websocket::hooks h;
    h.on_message = [](const websocket::session_ptr& s, const websocket::message& m) {
        m.binary ? s->send_binary(m.payload) : s->send_text(m.payload);
        return true;
    };
    return h;
}

int serve(std::uint16_t port) {
    net::io_context io;
    tidings::http::server server{io, {.port = port}};
    websocket::service_options options;
    options.hooks = echo();
    options.max_message_bytes = max_message_bytes;
    options.limits.max_bytes = 4 * max_message_bytes;
    server.mount("/", websocket::service{std::move(options)});
    server.start();
    std::cout << "listening " << server.local_endpoint().port << std::endl;
    tidings::drain_on_signal(io, server);
    io.run();
    return 0;
}

int connect(const char* url) {
    net::io_context io;
    int result = 1;
    websocket::client_options options;
    options.url = url;
    options.max_message_bytes = max_message_bytes;
    options.limits.max_bytes = 4 * max_message_bytes;
    options.reconnect.enabled = false;
    options.hooks = echo();
    options.hooks.on_close = [&](const websocket::session_ptr&,
                                 const websocket::close_reason& why) {
        std::cout << "closed " << why.code << ' ' << why.reason << std::endl;
        result = 0;
    };
    options.on_state = [&](tidings::connection_state state, tidings::error_code,
                           const tidings::diagnostics& text) {
        if (state != tidings::connection_state::stopped) return;
        if (result != 0) std::cerr << "websocket_echo: " << text.message() << '\n';
        io.stop();
    };
    websocket::client client{io.get_executor(), std::move(options)};
    client.start();
    io.run();
    return result;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 3 && std::strcmp(argv[1], "--connect") == 0) {
        try {
            return connect(argv[2]);
        } catch (const std::invalid_argument& e) {
            std::cerr << e.what() << '\n';
            return 1;
        }
    }
    std::uint16_t port = 0;
    const char* const text = argc == 3 && std::strcmp(argv[1], "--port") == 0 ? argv[2] : "0";
    const auto [end, ec] = std::from_chars(text, text + std::strlen(text), port);
    if ((argc != 1 && argc != 3) || ec != std::errc() || *end != '\0') {
        std::cerr << "usage: websocket_echo [--port N] | --connect ws://host:port/path\n";
        return 2;
    }
    return serve(port);
}
