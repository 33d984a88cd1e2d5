// SPDX-License-Identifier: BSL-1.0
#include "support/network_fixture.hpp"

#if TIDINGS_TLS

#include <tidings/io/impl/tls_stream.hpp>

#include <boost/asio/error.hpp>

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

}  // namespace tidings::test

#endif
