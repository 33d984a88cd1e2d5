// SPDX-License-Identifier: BSL-1.0
// A WebSocket service in a server of the user's own: the same calls in the same order as on ours.
#include "support/catch2.hpp"
#include "support/frames.hpp"
#include "support/network_fixture.hpp"

#include <tidings/http/beast.hpp>
#include <tidings/http/server.hpp>
#include <tidings/websocket/service.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/read.hpp>

namespace tidings::test {

namespace {

namespace beast = boost::beast;
using net::ip::tcp;
using strings = std::vector<std::string>;

/// What a client saw and which hooks were called.
struct record {
    strings calls;
    std::string received;
    bool ended = false;

    strings frames() const {
        strings shown;
        for (const auto& f : frames_of(after_header(received)))
            shown.push_back(std::to_string(static_cast<int>(f.opcode)) + ' ' +
                            (f.code != 0 ? std::to_string(f.code) : f.payload));
        return shown;
    }
};

websocket::service recording_service(record& r) {
    websocket::service_options o;
    o.hooks.on_open = [&](const auto& s) {
        r.calls.emplace_back("open");
        s->send_text("welcome");
    };
    o.hooks.on_message = [&](const auto& s, const auto& m) {
        r.calls.push_back("message " + std::string(m.payload));
        s->send_text(m.payload);
        if (m.payload == "leave") s->close(4000, "as asked");
        return true;
    };
    o.hooks.on_ping = [&](const auto&, auto p) { r.calls.push_back("ping " + std::string(p)); };
    o.hooks.on_pong = [&](const auto&, auto p) { r.calls.push_back("pong " + std::string(p)); };
    o.hooks.on_close = [&](const auto&, const auto& why) {
        r.calls.push_back("close " + std::to_string(why.code));
    };
    return websocket::service(std::move(o));
}

/// The client: sends everything at once, answers a close frame, and reads to the end.
template <class Stream>
class client_side {
 public:
    client_side(Stream& s, record& r) : stream_(s), record_(r) { read(); }

 private:
    void read() {
        stream_.async_read_some(net::buffer(into_), [this](error_code ec, std::size_t n) {
            record_.received.append(into_.data(), n);
            if (ec) {
                record_.ended = true;
                return;
            }
            const bool closing = close_code_of(frames_of(after_header(record_.received))) != 0;
            if (closing && !std::exchange(answered_, true))
                net::async_write(stream_, net::buffer(answer_), [](error_code, std::size_t) {});
            read();
        });
    }
    Stream& stream_;
    record& record_;
    const std::string answer_ = client_close(1000);
    bool answered_ = false;
    std::array<char, 4096> into_{};
};

/// Reads the request from `from` as a user's server does, and hands it to the service.
template <class Socket>
void serve(websocket::service& service, Socket from) {
    beast::flat_buffer buffer;
    beast::http::request<beast::http::string_body> r;
    beast::http::read(from, buffer, r);
    const auto executor = from.get_executor();
    http::exchange x(http::from_beast(r), http::make_stream(std::move(from)),
                     {static_cast<const char*>(buffer.cdata().data()), buffer.size()});
    net::post(executor, [&service, x = std::move(x)]() mutable { service.handle(x); });
}

struct socket_pair {
    tcp::socket client, server;

    explicit socket_pair(net::io_context& io) : client(io), server(io) {
        tcp::acceptor acceptor(io, {net::ip::address_v4::loopback(), 0});
        client.connect(acceptor.local_endpoint());
        server = acceptor.accept();
    }
};

record over_own_server(const std::string& bytes) {
    net::io_context io;
    record r;
    http::server server(io, {});
    server.mount("/", recording_service(r));
    server.start();
    tcp::socket client(io);
    client.connect({net::ip::address_v4::loopback(), server.local_endpoint().port});
    net::write(client, net::buffer(bytes));
    client_side reading(client, r);
    run_until(io, [&] { return r.ended; });
    client.close();
    run_until(io, [&] { return r.calls.back().starts_with("close"); });
    return r;
}

record over_socket(const std::string& bytes, bool on_strand) {
    net::io_context io;
    record r;
    auto service = recording_service(r);
    socket_pair pair(io);
    net::write(pair.client, net::buffer(bytes));
    if (on_strand) {
        const auto protocol = pair.server.local_endpoint().protocol();
        serve(service, net::basic_stream_socket<tcp, net::strand<net::io_context::executor_type>>(
                           net::make_strand(io), protocol, pair.server.release()));
    } else {
        serve(service, beast::tcp_stream(std::move(pair.server)));
    }
    client_side reading(pair.client, r);
    run_until(io, [&] { return r.ended; });
    pair.client.close();
    run_until(io, [&] { return r.calls.back().starts_with("close"); });
    return r;
}

record over_tls(const std::string& bytes) {
    net::io_context io;
    record r;
    auto service = recording_service(r);
    net::ssl::context server_context(net::ssl::context::tls_server);
    server_context.use_certificate_chain(net::buffer(certificates().server.certificate_pem));
    server_context.use_private_key(net::buffer(certificates().server.key_pem),
                                   net::ssl::context::pem);
    net::ssl::context client_context(net::ssl::context::tls_client);
    socket_pair pair(io);
    net::ssl::stream<tcp::socket> client(std::move(pair.client), client_context);
    net::ssl::stream<tcp::socket> server(std::move(pair.server), server_context);
    int handshakes = 0;
    client.async_handshake(net::ssl::stream_base::client, [&](error_code) { ++handshakes; });
    server.async_handshake(net::ssl::stream_base::server, [&](error_code) { ++handshakes; });
    run_until(io, [&] { return handshakes == 2; });
    net::write(client, net::buffer(bytes));
    serve(service, std::move(server));
    client_side reading(client, r);
    run_until(io, [&] { return r.ended; });
    client.next_layer().close();
    run_until(io, [&] { return r.calls.back().starts_with("close"); });
    return r;
}

}  // namespace

TEST_CASE("hooks in a user's server are called in the order and number of our own server's",
          "[websocket][network][fault-4]") {
    const auto text = [](std::string_view t) { return client_text(t); };
    const auto ping = client_frame(websocket_opcode::ping, "p");
    const auto pong = client_frame(websocket_opcode::pong, "q");
    const auto frames = GENERATE_COPY(text("one") + ping + pong + text("two") + client_close(1001),
                                      text("last") + client_close(1000),
                                      ping + text("leave") + ping + pong + text("unheard"));
    const auto bytes = upgrade_request("/") + frames;
    const auto own = over_own_server(bytes);
    REQUIRE(own.frames().front() == "1 welcome");
    const std::string over = GENERATE("socket", "strand", "tls");
    CAPTURE(over);
    const auto embedded = over == "tls" ? over_tls(bytes) : over_socket(bytes, over == "strand");
    CHECK(embedded.calls == own.calls);
    CHECK(embedded.frames() == own.frames());
}

}  // namespace tidings::test
