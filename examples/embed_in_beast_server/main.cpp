// SPDX-License-Identifier: BSL-1.0
// A Beast server of one's own that hands WebSocket upgrades and event streams to tidings: the
// request as it was read, the socket, and what was read beyond the request.
#include <tidings/bus.hpp>
#include <tidings/event_json.hpp>
#include <tidings/http/beast.hpp>
#include <tidings/sse/service.hpp>
#include <tidings/websocket/service.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include <iostream>

namespace net = boost::asio;
namespace beast = boost::beast;
using tcp = net::ip::tcp;

namespace {

struct services {
    tidings::bus& bus;
    tidings::websocket::service ws{bus};
    tidings::sse::service events{bus};
};

net::awaitable<void> serve(tcp::socket socket, services& s) {
    beast::flat_buffer buffer;
    for (;;) {
        beast::http::request<beast::http::string_body> request;
        co_await beast::http::async_read(socket, buffer, request, net::use_awaitable);
        const std::string target(request.target());
        if (target.starts_with("/ws") || target.starts_with("/events")) {
            // [beast]
            const auto left = buffer.cdata();
            tidings::http::exchange x(
                tidings::http::from_beast(request), tidings::http::make_stream(std::move(socket)),
                std::string(static_cast<const char*>(left.data()), left.size()));
            target.starts_with("/ws") ? s.ws.handle(x) : s.events.handle(x);
            co_return;
            // [/beast]
        }
        // Whatever else the server does; here: publishing.
        beast::http::response<beast::http::string_body> response(beast::http::status::accepted, 11);
        if (target == "/order") {
            tidings::event e{"com.acme.order.created", "/shop", request.body(), "application/json"};
            response.body() =
                std::to_string(s.bus.publish("orders.created", std::move(e)).matched) + '\n';
        } else {
            response.result(beast::http::status::not_found);
        }
        response.keep_alive(request.keep_alive());
        response.prepare_payload();
        co_await beast::http::async_write(socket, response, net::use_awaitable);
        if (!response.keep_alive()) co_return;
    }
}

net::awaitable<void> accept(tcp::acceptor& acceptor, services& s) {
    for (;;) {
        auto socket = co_await acceptor.async_accept(net::use_awaitable);
        // A client that goes away ends its own coroutine only.
        net::co_spawn(acceptor.get_executor(), serve(std::move(socket), s),
                      [](std::exception_ptr) {});
    }
}

}  // namespace

int main() {
    net::io_context io;
    tidings::bus bus{io, {.history = {.max_events = 1000}}};
    services s{bus};
    tcp::acceptor acceptor(io, {net::ip::address_v4::loopback(), 0});
    std::cout << "listening " << acceptor.local_endpoint().port() << std::endl;
    net::co_spawn(io, accept(acceptor, s), [](std::exception_ptr) {});
    net::signal_set signals(io, SIGINT, SIGTERM);
    signals.async_wait([&](auto, int) { io.stop(); });
    io.run();
}
