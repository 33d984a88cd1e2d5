// SPDX-License-Identifier: BSL-1.0
#include <tidings/http/client.hpp>
#include <tidings/http/impl/client/client_streams.hpp>
#include <tidings/http/server.hpp>
#include <tidings/outlet/impl/authenticate.hpp>

#include "support/catch2.hpp"
#include "support/http_bed.hpp"
#include "support/network_fixture.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>

using namespace tidings;
using namespace tidings::test;
using namespace std::chrono_literals;
using Catch::Matchers::StartsWith;

namespace {

/// A server and a client of it, over one of the transports.
struct http_pair : network_fixture {
    std::optional<http::server> server;
    std::optional<http::client> client;
    std::string origin;

    explicit http_pair(transport t) : network_fixture(t) {
        const auto listening = listen_options();
        http::server_options o;
        o.unix_path = listening.unix_path;
        o.tls = listening.tls;
        o.environment.network = &network();
        server.emplace(context(), std::move(o));
        http::client_options c;
        c.unix_path = listening.unix_path;
        c.tls.ca_pem = certificates().authority.certificate_pem;
        c.tls.server_name = "localhost";
        c.environment.network = &network();
        client.emplace(context(), std::move(c));
        origin = (tls() ? "https://127.0.0.1:" : "http://127.0.0.1:") +
                 std::to_string(over_unix() ? 80 : server->local_endpoint().port);
    }
    ~http_pair() {
        client.reset();
        if (server) {
            server->stop();
            run_until([this] { return server->connections() == 0; });
        }
        server.reset();
    }
    http::response ask(http::request r, const std::string& path = "/") {
        std::optional<http::response> answer;
        client->async_request(origin + path, std::move(r), [&](error_code ec, http::response a) {
            INFO(ec.message());
            REQUIRE_FALSE(ec);
            answer = std::move(a);
        });
        run_until([&] { return answer.has_value(); });
        return *answer;
    }
};

}  // namespace

TEST_CASE("Requests and answers pass over every transport", "[http]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    http_pair bed(t);
    std::vector<std::string> peers;
    bed.server->mount("/", [&](http::exchange& x) {
        CHECK(x.loopback());
        peers.push_back(x.remote_address());
        x.respond({.fields = {{"X-Path", x.suffix()}}, .body = x.request().body});
    });
    bed.server->start();
    const bool slow = t == transport::sim_byte;
    for (const std::size_t size :
         {std::size_t(0), std::size_t(1), std::size_t(slow ? 2000 : 1 << 20)}) {
        const auto answer = bed.ask({.method = "PUT", .body = long_text(size)}, "/a");
        CHECK(answer.status == 200);
        CHECK(answer.fields.get("x-path") == "/a");
        CHECK(answer.body == long_text(size));
    }
    CHECK(std::all_of(peers.begin(), peers.end(), [&](auto& p) { return p == peers[0]; }));
    CHECK(bed.server->connections() == 1);
    CHECK((bed.over_unix() ? peers[0] == "unix" : peers[0].starts_with("127.0.0.1:")));
}

TEST_CASE("Over a Unix socket every Host is this machine's", "[http]") {
    http_pair bed(transport::unix_socket);
    bed.origin = "http://public.example";
    bed.server->mount("/", [](http::exchange& x) {
        principal who;
        if (auto refused = http::authenticate(x, {}, who)) return x.respond(std::move(*refused));
        x.respond({.body = std::string(x.request().fields.get("host"))});
    });
    bed.server->start();
    const auto answer = bed.ask({});
    CHECK(answer.status == 200);
    CHECK(answer.body == "public.example");
}

TEST_CASE("A body streams, and a client that leaves is noticed, over every transport", "[http]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    http_pair bed(t);
    std::optional<http::taken_stream> taken;
    bed.server->mount("/events", [&](http::exchange& x) { taken = x.take(); });
    bed.server->start();
    std::unique_ptr<http::detail::streaming_response> stream;
    auto cancel = http::detail::client_streams::open(
        *bed.client, bed.executor(), bed.origin + "/events", {},
        [&](error_code ec, std::unique_ptr<http::detail::streaming_response> s) {
            INFO(ec.message());
            REQUIRE(s);
            stream = std::move(s);
        });
    bed.run_until([&] { return taken.has_value(); });
    bed.write(*taken->stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    bed.run_until([&] { return stream != nullptr; });
    std::string body;
    std::array<std::byte, 16> buffer{};
    const std::function<void()> read_on = [&] {
        stream->start_read(buffer, [&](error_code ec, std::size_t n) {
            body += text_of(std::span(buffer).first(n));
            if (!ec) read_on();
        });
    };
    read_on();
    for (const std::string part : {"a", "b", "c"}) {
        bed.write(*taken->stream, "1\r\n" + part + "\r\n");
        bed.run_until([&] { return body.ends_with(part); });
    }
    CHECK(body == "abc");
    CHECK(bed.server->connections() == 1);
    stream.reset();
    error_code ec;
    bed.read(*taken->stream, 1, ec);
    CHECK(ec);
    taken.reset();
    CHECK(bed.server->connections() == 0);
}

TEST_CASE("A connection is upgraded over every transport", "[http]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    http_pair bed(t);
    std::optional<http::taken_stream> taken;
    bed.server->mount("/ws", [&](http::exchange& x) { taken = x.take(); });
    bed.server->start();
    std::optional<http::detail::upgraded_response> upgraded;
    auto cancel = http::detail::client_streams::upgrade(
        *bed.client, bed.executor(), bed.origin + "/ws", {.fields = {{"Upgrade", "test"}}},
        [&](error_code ec, http::detail::upgraded_response u) {
            INFO(ec.message());
            REQUIRE_FALSE(ec);
            upgraded = std::move(u);
        });
    bed.run_until([&] { return taken.has_value(); });
    bed.write(*taken->stream,
              "HTTP/1.1 101 Switching Protocols\r\nUpgrade: test\r\nConnection: Upgrade\r\n\r\nhi");
    bed.run_until([&] { return upgraded.has_value(); });
    REQUIRE(upgraded->stream);
    auto first = upgraded->leftover;
    if (first.size() < 2) first += bed.read(*upgraded->stream, 2 - first.size());
    CHECK(first == "hi");
    bed.write(*upgraded->stream, "there");
    CHECK(bed.read(*taken->stream, 5) == "there");
}

TEST_CASE("A server drains over every transport", "[http]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    http_pair bed(t);
    std::optional<http::exchange> waiting;
    bed.server->mount("/", [](http::exchange& x) { x.respond({}); });
    bed.server->mount("/wait", [&](http::exchange& x) {
        waiting.emplace(std::move(x));
        waiting->on_drain([&] { waiting->respond({.status = 503}); });
    });
    bed.server->start();
    bed.ask({});
    std::optional<http::response> answer;
    bed.client->async_request(bed.origin + "/wait", {}, [&](error_code ec, http::response a) {
        CHECK_FALSE(ec);
        answer = std::move(a);
    });
    bed.run_until([&] { return waiting.has_value(); });
    std::optional<error_code> drained;
    bed.server->async_drain([&](error_code ec) { drained = ec; });
    bed.run_until([&] { return answer && drained; });
    CHECK(answer->status == 503);
    CHECK(drained == error_code());
    CHECK(bed.server->connections() == 0);
}

TEST_CASE("A peer that never makes its TLS handshake is gone in time", "[http]") {
    manual_clock clock;
    http_pair bed(transport::tls);
    auto listening = bed.listen_options();
    http::server_options o;
    o.tls = listening.tls;
    o.environment.clock = &clock;
    http::server server(bed.context(), std::move(o));
    server.start();
    io::stream_ptr plain;
    auto cancel = bed.network().start_connect(
        bed.executor(), {.host = "127.0.0.1", .port = server.local_endpoint().port},
        [&](error_code ec, io::stream_ptr s) {
            REQUIRE_FALSE(ec);
            plain = std::move(s);
        });
    bed.run_until([&] { return plain && server.connections() == 1; });
    SECTION("by its silence") {
        bed.run_ready();
        clock.advance(9s);
        bed.run_ready();
        CHECK(server.connections() == 1);
        clock.advance(2s);
    }
    SECTION("by speaking plain HTTP") {
        bed.write(*plain, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    bed.run_until([&] { return server.connections() == 0; });
    server.stop();
}

TEST_CASE("Over TLS nobody is refused by a word", "[http]") {
    http_pair bed(transport::tls);
    auto listening = bed.listen_options();
    http::server_options o;
    o.tls = listening.tls;
    o.max_connections = 1;
    http::server server(bed.context(), std::move(o));
    server.start();
    net::ip::tcp::socket first(bed.context());
    first.connect({net::ip::address_v4::loopback(), server.local_endpoint().port});
    bed.run_until([&] { return server.connections() == 1; });
    std::optional<error_code> error;
    bed.client->async_request(
        "https://127.0.0.1:" + std::to_string(server.local_endpoint().port) + "/", {},
        [&](error_code ec, http::response) { error = ec; });
    bed.run_until([&] { return error.has_value(); });
    CAPTURE(error->to_string());
    CHECK((error == errc::tls_failed || error == condition::retryable));
}

TEST_CASE("A server whose certificate is not known is not spoken to", "[http]") {
    http_pair bed(transport::tls);
    bool asked = false;
    bed.server->mount("/", [&](http::exchange&) { asked = true; });
    bed.server->start();
    http::client stranger(bed.context());
    std::optional<error_code> error;
    stranger.async_request(bed.origin + "/", {},
                           [&](error_code ec, http::response) { error = ec; });
    bed.run_until([&] { return error.has_value(); });
    CHECK(error == errc::tls_failed);
    CHECK_FALSE(asked);
}
