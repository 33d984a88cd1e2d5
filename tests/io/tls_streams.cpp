// SPDX-License-Identifier: BSL-1.0
// TLS over the simulated network, where every fault can be had.
#include "support/network_fixture.hpp"

#if TIDINGS_TLS

#include <tidings/io/impl/tls_stream.hpp>

#include <boost/asio/error.hpp>

#include <array>

namespace tidings::test {

namespace {

/// TLS over the simulated network, where every fault can be had.
struct tls_over_sim {
    network_fixture f{transport::sim};
    io::stream_ptr client, server;
    std::optional<error_code> client_shaken, server_shaken;

    explicit tls_over_sim(const sim_link& link) {
        f.sim().set_link(link);
        auto plain = f.connect();
        error_code ec;
        const auto context = detail::make_server_context(
            {{}, {}, certificates().server.certificate_pem, certificates().server.key_pem}, ec);
        server = detail::make_server_stream(context, std::move(plain.server), ec);
        io::tls_client_options options;
        options.ca_pem = certificates().authority.certificate_pem;
        client = detail::make_client_stream(options, "localhost", std::move(plain.client), ec);
        REQUIRE_FALSE(ec);
        client->start_handshake([this](error_code e) { client_shaken = e; });
        server->start_handshake([this](error_code e) { server_shaken = e; });
    }
};

}  // namespace

TEST_CASE("TLS works however its bytes are cut and however small the window is", "[io][tls]") {
    const auto piece = GENERATE(as<std::size_t>(), 1, 2, 5, 100, 16'384);
    const auto window = GENERATE(as<std::size_t>(), 1, 7, 4'000, 100'000);
    CAPTURE(piece, window);
    sim_link link;
    link.max_read_bytes = link.max_write_bytes = piece;
    link.buffer_bytes = window;
    tls_over_sim t(link);
    t.f.run_until([&] { return t.client_shaken.has_value(); });
    CHECK_FALSE(*t.client_shaken);

    const auto text = long_text(piece * window < 1000 ? 3'000 : 150'000);
    std::size_t client_left = text.size(), server_left = text.size();
    std::string client_got, server_got;
    std::vector<std::byte> client_buffer(20'000), server_buffer(777);
    std::function<void(io::stream&, std::size_t&)> write = [&](io::stream& s, std::size_t& left) {
        if (left == 0) return;
        s.start_write(bytes_of(std::string_view(text).substr(text.size() - left)),
                      [&](error_code ec, std::size_t n) {
                          REQUIRE_FALSE(ec);
                          left -= n;
                          write(s, left);
                      });
    };
    std::function<void(io::stream&, std::vector<std::byte>&, std::string&)> read =
        [&](io::stream& s, std::vector<std::byte>& buffer, std::string& got) {
            s.start_read(buffer, [&](error_code ec, std::size_t n) {
                REQUIRE_FALSE(ec);
                got += text_of(std::span(buffer).first(n));
                if (got.size() < text.size()) read(s, buffer, got);
            });
        };
    // The server's handshake ends with tickets (RFC 8446 4.6.1), which the client has to read.
    read(*t.client, client_buffer, client_got);
    t.f.run_until([&] { return t.server_shaken.has_value(); });
    CHECK_FALSE(*t.server_shaken);
    // Nobody reads at the server yet: records of both directions block at once.
    write(*t.client, client_left);
    write(*t.server, server_left);
    t.f.run_ready();
    read(*t.server, server_buffer, server_got);
    t.f.run_until(
        [&] { return client_got.size() == text.size() && server_got.size() == text.size(); });
    CHECK((client_got == text));
    CHECK((server_got == text));

    // Both directions end for themselves.
    std::optional<error_code> shut;
    t.client->start_shutdown([&](error_code ec) { shut = ec; });
    CHECK(t.f.read_error(*t.server) == net::error::eof);
    t.f.run_until([&] { return shut.has_value(); });
    CHECK_FALSE(*shut);
    std::optional<std::size_t> written;
    t.server->start_write(bytes_of("still"), [&](error_code ec, std::size_t n) {
        CHECK_FALSE(ec);
        written = n;
    });
    CHECK(t.f.read(*t.client, 5) == "still");
    t.f.run_until([&] { return written.has_value(); });
}

TEST_CASE("a write under way shows what of it has left", "[io][tls][fault-5]") {
    sim_link link;
    link.buffer_bytes = 1'000;
    tls_over_sim t(link);
    t.f.run_until([&] { return t.client_shaken && t.server_shaken; });
    const auto text = long_text(60'000);
    bool written = false;
    t.client->start_write(bytes_of(text), [&](error_code, std::size_t) { written = true; });
    t.f.run_ready();
    const auto before = t.client->push_on();
    CHECK(before >= link.buffer_bytes);
    CHECK(t.f.read(*t.server, 16'384).size() == 16'384);
    t.f.run_ready();
    CHECK(t.client->push_on() >= before + 15'000);
    CHECK_FALSE(written);
    CHECK((t.f.read(*t.server, text.size() - 16'384) == text.substr(16'384)));
    t.f.run_until([&] { return written; });
}

TEST_CASE("a read that must wait for the writer's change of keys goes on with it", "[io][tls]") {
    sim_link link;
    link.buffer_bytes = 3'000;
    network_fixture f(transport::sim);
    f.sim().set_link(link);
    auto plain = f.connect();
    error_code ec;
    const auto server = detail::make_server_stream(
        detail::make_server_context(
            {{}, {}, certificates().server.certificate_pem, certificates().server.key_pem}, ec),
        std::move(plain.server), ec);
    io::tls_client_options trusting;
    trusting.verify = false;
    const auto context = detail::client_context(trusting, ec);
    SSL* const ssl = SSL_new(context->native_handle());
    SSL_set_connect_state(ssl);
    detail::tls_stream client(detail::tls_stream::ssl_ptr(ssl), std::move(plain.client));
    int shaken = 0;
    client.start_handshake([&](error_code) { ++shaken; });
    server->start_handshake([&](error_code) { ++shaken; });
    f.run_until([&] { return shaken == 2; });

    // 22 bytes of a record are not text; what is left of the window is less than a KeyUpdate.
    const auto first = long_text(link.buffer_bytes - 22 - 10);
    f.write(client, first);
    REQUIRE(SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
    bool written = false;
    client.start_write(bytes_of("second"), [&](error_code e, std::size_t n) {
        CHECK_FALSE(e);
        CHECK(n == 6);
        written = true;
    });
    std::array<std::byte, 16> buffer{};
    std::string got;
    client.start_read(buffer, [&](error_code e, std::size_t n) {
        CHECK_FALSE(e);
        got = text_of(std::span(buffer).first(n));
    });
    f.write(*server, "hello");
    f.run_ready();
    CHECK_FALSE(written);
    CHECK(got.empty());
    CHECK((f.read(*server, first.size() + 6) == first + "second"));
    f.run_until([&] { return written && !got.empty(); });
    CHECK(got == "hello");
}

TEST_CASE("a connection cut at any byte of a handshake fails it", "[io][tls]") {
    for (std::size_t cut = 0; cut < 2'000; cut += cut < 20 ? 1 : 61) {
        for (const bool sent : {true, false}) {
            CAPTURE(cut, sent);
            sim_link link;
            (sent ? link.cut_after_sent : link.cut_after_received) = cut;
            tls_over_sim t(link);
            t.f.run_ready();
            // A peer that was cut off after its last byte only sees it at the next read.
            std::array<std::byte, 4> buffer{};
            std::optional<error_code> client_read, server_read;
            if (t.client_shaken && !*t.client_shaken)
                t.client->start_read(buffer, [&](error_code ec, std::size_t) { client_read = ec; });
            if (t.server_shaken && !*t.server_shaken)
                t.server->start_read(buffer, [&](error_code ec, std::size_t) { server_read = ec; });
            t.f.run_ready();
            REQUIRE(t.client_shaken);
            REQUIRE(t.server_shaken);
            // A whole handshake is shorter than the longest of these cuts.
            if (!*t.client_shaken && !*t.server_shaken && !client_read && !server_read) continue;
            CHECK((*t.client_shaken || (client_read && *client_read)));
            CHECK((*t.server_shaken || (server_read && *server_read)));
        }
    }
}

TEST_CASE("a TLS stream may be destroyed at any step of its life", "[io][tls]") {
    for (int steps = 0; steps < 60; ++steps) {
        for (const bool client_first : {true, false}) {
            sim_link link;
            link.max_read_bytes = link.max_write_bytes = 300;
            link.buffer_bytes = 500;
            tls_over_sim t(link);
            const auto text = std::make_unique<std::string>(long_text(3'000));
            auto buffer = std::make_unique<std::array<std::byte, 100>>();
            const auto exchange = [&](io::stream& s) {
                s.start_read(*buffer, [](error_code, std::size_t) {});
                s.start_write(bytes_of(*text), [](error_code, std::size_t) {});
            };
            for (int i = 0; i < steps; ++i) {
                if (t.client_shaken && !*t.client_shaken) {
                    exchange(*t.client);
                    t.client_shaken = errc::closed;
                }
                t.f.context().poll_one();
            }
            (client_first ? t.client : t.server).reset();
            if (client_first) buffer.reset();
            t.f.run_ready();
        }
    }
}

}  // namespace tidings::test

#endif
