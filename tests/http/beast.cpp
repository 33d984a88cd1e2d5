// SPDX-License-Identifier: BSL-1.0
#include <tidings/http/beast.hpp>
#include <tidings/lane/impl/lane.hpp>

#include "support/catch2.hpp"
#include "support/network_fixture.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/read.hpp>

using namespace tidings;
using namespace tidings::test;
namespace beast = boost::beast;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;
using net::ip::tcp;

namespace {

/// Two ends of a real connection; a server of the user's own has read a request from one.
struct beast_bed {
    net::io_context io;
    tcp::acceptor acceptor{io, {net::ip::address_v4::loopback(), 0}};
    tcp::socket client{io};
    tcp::socket server{io};
    beast::flat_buffer buffer;
    std::string received;
    error_code ended;

    beast_bed() {
        client.connect(acceptor.local_endpoint());
        server = acceptor.accept();
    }
    /// Reads all that the peer gets, until the end.
    template <class Stream>
    void receive(Stream& s) {
        s.async_read_some(net::buffer(into_), [this, &s](error_code ec, std::size_t n) {
            received.append(into_.data(), n);
            ended = ec;
            if (!ec) receive(s);
        });
    }
    std::string leftover() const {
        return {static_cast<const char*>(buffer.cdata().data()), buffer.size()};
    }

 private:
    std::array<char, 4096> into_{};
};

const std::string request =
    "PUT /a?b HTTP/1.1\r\nHost: h\r\nX: y\r\nx: z\r\nContent-Length: 4\r\n\r\nbody";

template <class Stream>
http::request read_request(Stream& from, beast::flat_buffer& buffer) {
    beast::http::request<beast::http::string_body> r;
    beast::http::read(from, buffer, r);
    return http::from_beast(r);
}

}  // namespace

TEST_CASE("A request that Beast read is answered over the socket it came by", "[http]") {
    beast_bed bed;
    net::write(bed.client, net::buffer(request + "left over"));
    auto r = read_request(bed.server, bed.buffer);
    CHECK(r.method == "PUT");
    CHECK(r.target == "/a?b");
    CHECK(r.version == 11);
    CHECK(r.fields.get("host") == "h");
    CHECK(r.fields.joined("X") == "y, z");
    CHECK(r.body == "body");
    io::stream_ptr stream;
    SECTION("a socket") {
        stream = http::make_stream(std::move(bed.server));
    }
    SECTION("a socket on a strand") {
        const auto protocol = bed.server.local_endpoint().protocol();
        net::basic_stream_socket<tcp, net::strand<net::io_context::executor_type>> other(
            net::make_strand(bed.io), protocol, bed.server.release());
        stream = http::make_stream(std::move(other));
    }
    SECTION("a stream of Beast's") {
        beast::tcp_stream other(std::move(bed.server));
        other.expires_after(std::chrono::hours(1));
        stream = http::make_stream(std::move(other));
    }
    CHECK(stream->can_poll());
    http::exchange x(std::move(r), std::move(stream), bed.leftover());
    CHECK(x.loopback());
    CHECK(x.remote_address() == "127.0.0.1:" + std::to_string(bed.client.local_endpoint().port()));
    x.respond({.body = long_text(3'000'000)});
    bed.receive(bed.client);
    run_until(bed.io, [&] { return static_cast<bool>(bed.ended); });
    CHECK(bed.ended == net::error::eof);
    CHECK_THAT(bed.received,
               StartsWith("HTTP/1.1 200 OK\r\n") && Contains("\r\nConnection: close\r\n"));
    CHECK(bed.received.ends_with(long_text(3'000'000)));
    bed.client.close();
    bed.io.restart();
    bed.io.run();
}

TEST_CASE("A TLS stream of Asio's can be taken over", "[http]") {
    beast_bed bed;
    net::ssl::context server_context(net::ssl::context::tls_server);
    server_context.use_certificate_chain(net::buffer(certificates().server.certificate_pem));
    server_context.use_private_key(net::buffer(certificates().server.key_pem),
                                   net::ssl::context::pem);
    net::ssl::context client_context(net::ssl::context::tls_client);
    client_context.add_certificate_authority(net::buffer(certificates().authority.certificate_pem));
    client_context.set_verify_mode(net::ssl::verify_peer);

    net::ssl::stream<tcp::socket> client(std::move(bed.client), client_context);
    net::ssl::stream<beast::tcp_stream> server(beast::tcp_stream(std::move(bed.server)),
                                               server_context);
    int handshakes = 0;
    client.async_handshake(net::ssl::stream_base::client, [&](error_code ec) {
        REQUIRE_FALSE(ec);
        ++handshakes;
    });
    server.async_handshake(net::ssl::stream_base::server, [&](error_code ec) {
        REQUIRE_FALSE(ec);
        ++handshakes;
    });
    run_until(bed.io, [&] { return handshakes == 2; });
    net::write(client, net::buffer(request));
    auto r = read_request(server, bed.buffer);
    http::exchange x(std::move(r), http::make_stream(std::move(server)), bed.leftover());
    CHECK(x.loopback());
    bed.receive(client);
    SECTION("to answer") {
        x.respond({.body = long_text(500'000)});
        run_until(bed.io, [&] { return static_cast<bool>(bed.ended); });
        CHECK(bed.ended == net::error::eof);
        CHECK(bed.received.ends_with(long_text(500'000)));
    }
    SECTION("for good") {
        auto taken = x.take();
        CHECK_FALSE(taken.stream->can_poll());
        std::array<std::byte, 100> into{};
        std::string got;
        taken.stream->start_read(into, [&](error_code ec, std::size_t n) {
            CHECK_FALSE(ec);
            got = text_of(std::span(into).first(n));
        });
        bool written = false;
        taken.stream->start_write(bytes_of("to you"), [&](error_code ec, std::size_t n) {
            CHECK_FALSE(ec);
            CHECK(n == 6);
            written = true;
        });
        net::write(client, net::buffer(std::string("to me")));
        run_until(bed.io, [&] { return written && !got.empty() && !bed.received.empty(); });
        CHECK(got == "to me");
        CHECK(bed.received == "to you");
        // Destroyed with a read under way, into a buffer that is gone before it ends.
        {
            std::vector<std::byte> gone(100);
            taken.stream->start_read(gone, [](error_code, std::size_t) { FAIL("dropped"); });
            net::write(client, net::buffer(std::string("too late")));
            taken.stream.reset();
        }
        run_until(bed.io, [&] { return static_cast<bool>(bed.ended); });
    }
    SECTION("and be closed with operations under way") {
        auto taken = x.take();
        std::vector<error_code> errors;
        std::array<std::byte, 100> into{};
        taken.stream->start_read(into, [&](error_code ec, std::size_t) { errors.push_back(ec); });
        taken.stream->close();
        CHECK(errors.empty());
        run_until(bed.io, [&] { return !errors.empty() && bed.ended; });
        CHECK(errors[0] == net::error::operation_aborted);
    }
    SECTION("or be dropped with the context") {
        auto taken = x.take();
    }
}

TEST_CASE("A peer that is gone is not taken for a neighbour", "[http]") {
    beast_bed bed;
    bed.client.set_option(net::socket_base::linger(true, 0));
    bed.client.close();
    // What a reset does to the other end is seen by an operation.
    error_code ec;
    std::array<char, 1> one{};
    bed.server.read_some(net::buffer(one), ec);
    REQUIRE(ec);
    bed.server.shutdown(net::socket_base::shutdown_both, ec);
    const auto stream = http::make_stream(std::move(bed.server));
    CHECK_FALSE(stream->remote_is_loopback());
}

TEST_CASE("everything of an adopted connection runs in its lane", "[http][fault-4]") {
    beast_bed bed;
    net::ssl::context server_context(net::ssl::context::tls_server);
    server_context.use_certificate_chain(net::buffer(certificates().server.certificate_pem));
    server_context.use_private_key(net::buffer(certificates().server.key_pem),
                                   net::ssl::context::pem);
    net::ssl::context client_context(net::ssl::context::tls_client);
    net::ssl::stream<tcp::socket&> client(bed.client, client_context);
    io::stream_ptr stream;
    const bool tls = GENERATE(false, true);
    if (tls) {
        net::ssl::stream<tcp::socket> server(std::move(bed.server), server_context);
        int handshakes = 0;
        const auto done = [&](error_code ec) {
            REQUIRE_FALSE(ec);
            ++handshakes;
        };
        client.async_handshake(net::ssl::stream_base::client, done);
        server.async_handshake(net::ssl::stream_base::server, done);
        run_until(bed.io, [&] { return handshakes == 2; });
        stream = http::make_stream(std::move(server));
    } else {
        stream = http::make_stream(std::move(bed.server));
    }
    http::exchange x({}, std::move(stream));
    const auto lane = x.lane();
    CHECK_FALSE(lane->running_here());
    std::optional<http::exchange> handled;
    x.in_lane([&](http::exchange& here) {
        CHECK(lane->running_here());
        here.in_lane([&](http::exchange& nested) { handled.emplace(std::move(nested)); });
        CHECK(handled.has_value());
    });
    CHECK_FALSE(x);
    CHECK_FALSE(handled.has_value());
    run_until(bed.io, [&] { return handled.has_value(); });
    auto taken = handled->take();
    CHECK(taken.stream->executor() == lane->executor());
    std::array<std::byte, 16> into{};
    std::string got;
    bool written = false;
    taken.stream->start_read(into, [&](error_code ec, std::size_t n) {
        CHECK_FALSE(ec);
        CHECK(lane->running_here());
        got = text_of(std::span(into).first(n));
    });
    taken.stream->start_write(bytes_of("answer"), [&](error_code ec, std::size_t) {
        CHECK_FALSE(ec);
        CHECK(lane->running_here());
        written = true;
    });
    if (tls)
        net::write(client, net::buffer(std::string("question")));
    else
        net::write(bed.client, net::buffer(std::string("question")));
    run_until(bed.io, [&] { return written && !got.empty(); });
    CHECK(got == "question");
    bool ended = false;
    taken.stream->start_shutdown([&](error_code) {
        CHECK(lane->running_here());
        ended = true;
    });
    bed.client.close();
    run_until(bed.io, [&] { return ended; });
}
