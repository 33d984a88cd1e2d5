// SPDX-License-Identifier: BSL-1.0
#include "support/network_fixture.hpp"

#if TIDINGS_TLS

#include <tidings/io/impl/tls_stream.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

namespace tidings::test {

namespace {

/// What both ends of a handshake say.
struct handshakes {
    std::optional<error_code> client, server;
};

/// Connects to a TLS listener of its own; the client's handshake is part of the connect.
class tls_fixture : public network_fixture {
 public:
    tls_fixture() : network_fixture(transport::tls) {}

    handshakes shake(const io::tls_server_options& server_options,
                     const io::connect_options& to_options) {
        handshakes seen;
        error_code ec;
        auto options = listen_options();
        options.tls = server_options;
        const auto acceptor = network().listen(executor(), options, ec);
        REQUIRE(acceptor);
        io::stream_ptr server, client;
        acceptor->start_accept(executor(), [&](error_code, io::stream_ptr s) {
            server = std::move(s);
            server->start_handshake([&](error_code e) {
                seen.server = e;
                // In TLS 1.3 the server learns last: it finds a refusal in the next record.
                if (!e)
                    server->start_read(buffer_, [&](error_code read, std::size_t) {
                        if (read != net::error::eof) seen.server = read;
                    });
            });
        });
        auto to = to_options;
        to.port = acceptor->local_endpoint().port;
        auto cancel = network().start_connect(executor(), to, [&](error_code e, io::stream_ptr s) {
            CHECK(!s == !!e);
            seen.client = e;
            client = std::move(s);
        });
        run_until([&] { return seen.client && seen.server; });
        run_ready();
        return seen;
    }

    io::tls_server_options served(const certificate& c) const {
        return {{}, {}, c.certificate_pem, c.key_pem};
    }

 private:
    std::array<std::byte, 16> buffer_{};
};

struct removed_at_end {
    std::filesystem::path path;
    ~removed_at_end() {
        std::error_code ignored;
        std::filesystem::remove(path, ignored);
    }
};

removed_at_end file_of(const std::string& name, const std::string& text) {
    removed_at_end file{std::filesystem::temp_directory_path() / ("tidings-test-" + name)};
    std::ofstream(file.path, std::ios::binary) << text;
    return file;
}

}  // namespace

TEST_CASE("a client refuses a certificate that it cannot trust", "[io][tls]") {
    tls_fixture f;
    const auto& made = certificates();
    auto to = f.connect_options();
    auto served = f.served(made.server);

    SECTION("of an unknown authority") {
        to.tls->ca_pem = made.stranger_pem;
    }
    SECTION("of an authority that only the system could know") {
        to.tls->ca_pem.clear();
    }
    SECTION("for another name") {
        served = f.served(made.other_name);
    }
    SECTION("for another name than the one asked for") {
        to.tls->server_name = "example.com";
    }
    SECTION("for a longer name") {
        to.tls->server_name = "www.localhost";
    }
    SECTION("for another address") {
        to.tls->server_name.clear();
        to.host = "127.0.0.1";
        served = f.served(made.other_name);
    }
    SECTION("that has expired") {
        served = f.served(made.expired);
    }
    SECTION("with trusted roots that are no certificates") {
        to.tls->ca_pem = "nonsense";
    }

    const auto seen = f.shake(served, to);
    CHECK(*seen.client == errc::tls_failed);
    CHECK(*seen.server == errc::tls_failed);
}

TEST_CASE("a client accepts a certificate for the name or the address it asked for", "[io][tls]") {
    tls_fixture f;
    auto to = f.connect_options();
    auto served = f.served(certificates().server);
    const auto root = file_of("root.pem", certificates().authority.certificate_pem);

    SECTION("by server_name") {}
    SECTION("by address") {
        to.tls->server_name.clear();
    }
    SECTION("by host, as it may be written in full") {
        to.tls->server_name.clear();
        to.host = "localhost";
        to.address_filter = [](const net::ip::address& a) { return a.is_v4(); };
        to.tls->server_name = "localhost.";
    }
    SECTION("by roots from a file") {
        to.tls->ca_pem.clear();
        to.tls->ca_file = root.path.string();
    }
    SECTION("whatever it says, without verification") {
        to.tls->verify = false;
        to.tls->ca_pem.clear();
        served = f.served(certificates().expired);
        to.tls->server_name = "example.com";
    }

    const auto seen = f.shake(served, to);
    CHECK_FALSE(*seen.client);
    CHECK_FALSE(*seen.server);
}

TEST_CASE("a certificate and key may come from files", "[io][tls]") {
    tls_fixture f;
    const auto chain = file_of("chain.pem", certificates().server.certificate_pem);
    const auto key = file_of("key.pem", certificates().server.key_pem);
    const auto seen =
        f.shake({chain.path.string(), key.path.string(), {}, {}}, f.connect_options());
    CHECK_FALSE(*seen.client);
    CHECK_FALSE(*seen.server);
}

TEST_CASE("a listener without a usable certificate is refused at once", "[io][tls]") {
    tls_fixture f;
    const auto& made = certificates();
    io::tls_server_options bad;
    SECTION("none") {}
    SECTION("no certificate") {
        bad = {{}, {}, "nonsense", made.server.key_pem};
    }
    SECTION("no key") {
        bad = {{}, {}, made.server.certificate_pem, "nonsense"};
    }
    SECTION("the key of another") {
        bad = {{}, {}, made.server.certificate_pem, made.other_name.key_pem};
    }
    SECTION("a key behind a password, which nobody is asked for") {
        bad = {{}, {}, made.server.certificate_pem, made.locked_key_pem};
    }
    auto options = f.listen_options();
    options.tls = bad;
    error_code ec;
    CHECK_FALSE(f.network().listen(f.executor(), options, ec));
    CHECK(ec == errc::tls_failed);
}

TEST_CASE("a certificate or key file that is not there keeps the system's error",
          "[io][tls][fault-19]") {
    tls_fixture f;
    auto options = f.listen_options();
    const auto chain = file_of("chain.pem", certificates().server.certificate_pem);
    const bool has_chain = GENERATE(false, true);
    options.tls = {
        has_chain ? chain.path.string() : "/nonexistent/chain", "/nonexistent/key", {}, {}};
    error_code ec;
    CHECK_FALSE(f.network().listen(f.executor(), options, ec));
    CHECK(ec == boost::system::errc::no_such_file_or_directory);
}

TEST_CASE("a client that cannot be set up says tls_failed and no more", "[io][tls]") {
    tls_fixture f;
    auto to = f.connect_options();
    SECTION("no such file of roots") {
        to.tls->ca_pem.clear();
        to.tls->ca_file = "/nonexistent/roots";
    }
    SECTION("a name that a C string would cut short") {
        to.tls->server_name = std::string("localhost\0.example", 18);
    }
    SECTION("no name to verify") {
        to.host.clear();
        to.tls->server_name.clear();
        const auto options = network_fixture(transport::unix_socket).listen_options();
        to.unix_path = options.unix_path;
        auto listening = f.listen_options();
        listening.unix_path = to.unix_path;
        error_code ec;
        const auto acceptor = f.network().listen(f.executor(), listening, ec);
        REQUIRE(acceptor);
        std::optional<error_code> failed;
        auto cancel = f.network().start_connect(f.executor(), to,
                                                [&](error_code e, io::stream_ptr) { failed = e; });
        f.run_until([&] { return failed.has_value(); });
        CHECK(*failed == errc::tls_failed);
        return;
    }
    std::optional<error_code> failed;
    auto cancel = f.network().start_connect(f.executor(), to,
                                            [&](error_code ec, io::stream_ptr) { failed = ec; });
    f.run_until([&] { return failed.has_value(); });
    CHECK(*failed == errc::tls_failed);
}

TEST_CASE("TLS 1.2 is the oldest that is spoken", "[io][tls]") {
    const auto method = GENERATE(net::ssl::context::tls_client, net::ssl::context::tls_server);
    const auto context = detail::make_tls_context(method);
    CHECK(SSL_CTX_get_min_proto_version(context->native_handle()) == TLS1_2_VERSION);
    CHECK((SSL_CTX_get_options(context->native_handle()) & SSL_OP_NO_RENEGOTIATION) != 0);
}

TEST_CASE("a client context is made once for the same options", "[io][tls]") {
    io::tls_client_options options;
    options.ca_pem = certificates().authority.certificate_pem;
    error_code ec;
    const auto first = detail::client_context(options, ec);
    CHECK(first);
    CHECK(detail::client_context(options, ec) == first);
    options.verify = false;
    CHECK(detail::client_context(options, ec) != first);
    CHECK_FALSE(ec);
}

TEST_CASE("what is no TLS fails the handshake", "[io][tls]") {
    tls_fixture f;
    io::stream_ptr server, client;
    std::optional<error_code> shaken;
    f.acceptor().start_accept(f.executor(), [&](error_code, io::stream_ptr s) {
        server = std::move(s);
        server->start_handshake([&](error_code ec) { shaken = ec; });
    });
    auto to = f.connect_options();
    to.tls.reset();
    auto cancel = f.network().start_connect(
        f.executor(), to, [&](error_code, io::stream_ptr s) { client = std::move(s); });
    f.run_until([&] { return server && client; });
    f.run_ready();
    CHECK_FALSE(shaken);
    SECTION("another protocol") {
        f.write(*client, "GET / HTTP/1.1\r\n\r\n");
    }
    SECTION("a record cut short") {
        f.write(*client, std::string_view("\x16\x03\x01\x02", 4));
        client.reset();
    }
    SECTION("nothing") {
        client.reset();
    }
    f.run_until([&] { return shaken.has_value(); });
    CHECK(*shaken == errc::tls_failed);
}

TEST_CASE("a plain peer fails the client's handshake", "[io][tls]") {
    network_fixture f(transport::tcp);
    io::stream_ptr server;
    f.acceptor().start_accept(f.executor(), [&](error_code, io::stream_ptr s) {
        server = std::move(s);
        f.write(*server, "220 hello, this is mail\r\n");
    });
    auto to = f.connect_options();
    to.tls = io::tls_client_options{};
    std::optional<error_code> failed;
    auto cancel = f.network().start_connect(f.executor(), to,
                                            [&](error_code ec, io::stream_ptr) { failed = ec; });
    f.run_until([&] { return failed.has_value(); });
    CHECK(*failed == errc::tls_failed);
}

TEST_CASE("a connect that hangs in its handshake can be cancelled", "[io][tls]") {
    network_fixture f(transport::tcp);
    io::stream_ptr silent;
    f.acceptor().start_accept(f.executor(),
                              [&](error_code, io::stream_ptr s) { silent = std::move(s); });
    auto to = f.connect_options();
    to.tls = io::tls_client_options{};
    const auto token = std::make_shared<int>();
    auto cancel = f.network().start_connect(
        f.executor(), to, [token](error_code, io::stream_ptr) { FAIL("cancelled"); });
    f.run_until([&] { return silent != nullptr; });
    std::array<std::byte, 1> hello{};
    bool came = false;
    silent->start_read(hello, [&](error_code ec, std::size_t) {
        CHECK_FALSE(ec);
        came = true;
    });
    f.run_until([&] { return came; });
    cancel();
    f.run_ready();
    CHECK(token.use_count() == 1);
    error_code gone;
    f.read(*silent, 100'000, gone);
    CHECK(gone == net::error::eof);
}

TEST_CASE("an end without a closure alert is no orderly end", "[io][tls]") {
    tls_fixture f;
    auto [client, server] = f.connect();
    f.write(*server, "half of it");
    CHECK(f.read(*client, 10) == "half of it");
    server->close();
    const auto ec = f.read_error(*client);
    CHECK(ec == net::ssl::error::stream_truncated);
}

TEST_CASE("a shutdown ends what lies below too", "[io][tls]") {
    network_fixture f(transport::sim);
    auto plain = f.connect();
    error_code ec;
    io::tls_client_options options;
    options.verify = false;
    const auto client =
        detail::make_client_stream(options, "localhost", std::move(plain.client), ec);
    REQUIRE(client);
    std::optional<error_code> shut;
    client->start_shutdown([&](error_code e) { shut = e; });  // before any handshake: no alert
    CHECK(f.read_error(*plain.server) == net::error::eof);
    f.run_until([&] { return shut.has_value(); });
    CHECK_FALSE(*shut);
}

TEST_CASE("a damaged record is tls_failed", "[io][tls]") {
    network_fixture f(transport::sim);
    auto [client, server] = f.connect();
    error_code ec;
    const auto context = detail::make_server_context(
        {{}, {}, certificates().server.certificate_pem, certificates().server.key_pem}, ec);
    const auto secured = detail::make_server_stream(context, std::move(server), ec);
    REQUIRE(secured);
    f.write(*client, std::string_view("\x17\x03\x03\x00\x05hello", 10));
    std::optional<error_code> shaken;
    secured->start_handshake([&](error_code e) { shaken = e; });
    f.run_until([&] { return shaken.has_value(); });
    CHECK(*shaken == errc::tls_failed);
}

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
