// SPDX-License-Identifier: BSL-1.0
// The knobs of the simulated network; what it shares with every network is in network.cpp.
#include "support/network_fixture.hpp"

#include <tidings/test/manual_clock.hpp>

#include <boost/asio/error.hpp>

#include <array>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

/// Reads until an error comes; what was read before it.
std::pair<std::string, error_code> read_all(network_fixture& f, io::stream& from) {
    error_code ec;
    auto text = f.read(from, 1'000'000, ec);
    return {text, ec};
}

}  // namespace

TEST_CASE("a simulated cable is cut after so many bytes, in either direction", "[sim]") {
    const auto cut = GENERATE(as<std::size_t>(), 1, 5, 10);
    const auto by_client = GENERATE(true, false);
    CAPTURE(cut, by_client);
    network_fixture f(transport::sim);
    sim_link link;
    (by_client ? link.cut_after_sent : link.cut_after_received) = cut;
    f.sim().set_link(link);
    auto pair = f.connect();
    auto& from = by_client ? *pair.client : *pair.server;
    auto& to = by_client ? *pair.server : *pair.client;
    std::string_view rest = "0123456789abcdef";
    error_code ec;
    std::size_t sent = 0;
    while (!ec) {
        const auto n = from.try_write(bytes_of(rest), ec);
        sent += n;
        rest.remove_prefix(n);
    }
    CHECK(sent == cut);
    CHECK(ec == net::error::connection_reset);
    const auto [got, end] = read_all(f, to);
    CHECK(got == std::string("0123456789abcdef").substr(0, cut));
    CHECK(end == net::error::connection_reset);
    CHECK(f.read_error(from) == net::error::connection_reset);
}

TEST_CASE("a simulated cable cut before the first byte resets the first write", "[sim]") {
    network_fixture f(transport::sim);
    sim_link link;
    link.cut_after_sent = 0;
    f.sim().set_link(link);
    auto [client, server] = f.connect();
    error_code ec;
    CHECK(client->try_write(bytes_of("x"), ec) == 0);
    CHECK(ec == net::error::connection_reset);
    CHECK(f.read_error(*server) == net::error::connection_reset);
}

TEST_CASE("a tap in a simulated cable sees and alters what each end writes", "[sim]") {
    /// Turns what the client writes round, and keeps what the server writes to itself.
    struct tap final : cable_tap {
        std::string carry(bool to_server, std::string_view written) override {
            return to_server ? std::string(written.rbegin(), written.rend()) + "!" : std::string();
        }
    };
    network_fixture f(transport::sim);
    sim_link link;
    link.make_tap = [] { return std::make_unique<tap>(); };
    f.sim().set_link(link);
    auto [client, server] = f.connect();
    error_code ec;
    CHECK(client->try_write(bytes_of("abc"), ec) == 3);
    CHECK(server->try_write(bytes_of("abc"), ec) == 3);
    CHECK(f.read(*server, 4, ec) == "cba!");
    server->close();
    const auto [got, end] = read_all(f, *client);
    CHECK(got.empty());
    CHECK(end == net::error::eof);
}

TEST_CASE("a silent simulated peer takes what fits and gives nothing", "[sim]") {
    network_fixture f(transport::sim);
    sim_link link;
    link.silent = true;
    link.buffer_bytes = 100;
    f.sim().set_link(link);
    auto [client, server] = f.connect();
    error_code ec;
    CHECK(client->try_write(bytes_of(long_text(500)), ec) == 100);
    CHECK(client->try_write(bytes_of("x"), ec) == 0);
    CHECK(ec == net::error::would_block);
    std::array<std::byte, 8> buffer{};
    server->start_read(buffer, [](error_code, std::size_t) { FAIL("silence"); });
    f.run_ready();
}

TEST_CASE("open simulated connections can be reset or silenced together", "[sim]") {
    network_fixture f(transport::sim);
    auto first = f.connect();
    auto second = f.connect();
    CHECK(f.sim().live_streams() == 4);
    CHECK(f.sim().connections() == 2);
    std::array<std::byte, 8> buffer{};
    std::optional<error_code> seen;
    SECTION("reset") {
        first.client->start_read(buffer, [&](error_code ec, std::size_t) { seen = ec; });
        f.sim().reset_all();
        f.run_ready();
        CHECK(seen == error_code(net::error::connection_reset));
        CHECK(f.read_error(*second.server) == net::error::connection_reset);
        auto third = f.connect();  // later ones are not touched
        f.write(*third.client, "x");
        CHECK(f.read(*third.server, 1) == "x");
    }
    SECTION("silence") {
        f.write(*first.client, "x");
        f.sim().silence_all();
        first.server->start_read(buffer, [&](error_code ec, std::size_t) { seen = ec; });
        f.run_ready();
        CHECK_FALSE(seen);
    }
}

TEST_CASE("a simulated connect can be refused or hang", "[sim]") {
    network_fixture f(transport::sim);
    sim_link link;
    std::optional<error_code> failed;
    const auto token = std::make_shared<int>();
    const auto connect = [&] {
        return f.network().start_connect(
            f.executor(), f.connect_options(),
            [&failed, token](error_code ec, io::stream_ptr) { failed = ec; });
    };
    SECTION("refused") {
        link.connect = sim_link::on_connect::refuse;
        f.sim().set_link(link);
        auto cancel = connect();
        f.run_until([&] { return failed.has_value(); });
        CHECK(*failed == net::error::connection_refused);
    }
    SECTION("hanging") {
        link.connect = sim_link::on_connect::hang;
        f.sim().set_link(link);
        auto cancel = connect();
        f.run_ready();
        CHECK_FALSE(failed);
        CHECK(token.use_count() > 1);
        cancel();
        CHECK(token.use_count() == 1);
    }
    SECTION("with a name that hangs") {
        f.sim().add_name("slow.example", {});
        auto options = f.connect_options();
        options.host = "slow.example";
        auto cancel = f.network().start_connect(
            f.executor(), options,
            [&failed, token](error_code ec, io::stream_ptr) { failed = ec; });
        f.run_ready();
        CHECK_FALSE(failed);
        cancel();
        CHECK(token.use_count() == 1);
    }
}

TEST_CASE("simulated names lead anywhere, and a client may come from anywhere", "[sim]") {
    network_fixture f(transport::sim);
    f.sim().add_name("shop.example", {"203.0.113.7", "203.0.113.8"});
    auto options = f.listen_options();
    options.address = "203.0.113.8";
    options.port = 443;
    error_code ec;
    const auto acceptor = f.network().listen(f.executor(), options, ec);
    REQUIRE(acceptor);
    sim_link link;
    link.client_address = "198.51.100.9";
    f.sim().set_link(link);
    io::stream_ptr server, client;
    acceptor->start_accept(f.executor(),
                           [&](error_code, io::stream_ptr s) { server = std::move(s); });
    io::connect_options to;
    to.host = "shop.example";
    to.port = 443;
    // The first address refuses: the second is tried.
    auto cancel = f.network().start_connect(
        f.executor(), to, [&](error_code, io::stream_ptr s) { client = std::move(s); });
    f.run_until([&] { return server && client; });
    CHECK(client->remote_address() == "203.0.113.8:443");
    CHECK_FALSE(client->remote_is_loopback());
    CHECK(server->remote_address().starts_with("198.51.100.9:"));
    CHECK_FALSE(server->remote_is_loopback());
}

TEST_CASE("simulated TLS must be wanted by both ends", "[sim]") {
    const auto at_server = GENERATE(true, false);
    CAPTURE(at_server);
    network_fixture f(at_server ? transport::sim_tls : transport::sim);
    auto to = f.connect_options();
    if (at_server)
        to.tls.reset();
    else
        to.tls.emplace();
    io::stream_ptr server, client;
    std::optional<error_code> server_shaken, connected;
    f.acceptor().start_accept(f.executor(), [&](error_code, io::stream_ptr s) {
        server = std::move(s);
        server->start_handshake([&](error_code ec) { server_shaken = ec; });
    });
    auto cancel = f.network().start_connect(f.executor(), to, [&](error_code ec, io::stream_ptr s) {
        connected = ec;
        client = std::move(s);
    });
    f.run_until([&] { return server_shaken && connected; });
    CHECK(*connected == (at_server ? error_code() : errc::tls_failed));
    CHECK(*server_shaken == (at_server ? errc::tls_failed : error_code()));
}

TEST_CASE("a simulated handshake can be made to fail", "[sim]") {
    network_fixture f(transport::sim_tls);
    sim_link link;
    link.fail_handshake = true;
    f.sim().set_link(link);
    f.acceptor();
    std::optional<error_code> failed;
    auto cancel = f.network().start_connect(f.executor(), f.connect_options(),
                                            [&](error_code ec, io::stream_ptr) { failed = ec; });
    f.run_until([&] { return failed.has_value(); });
    CHECK(*failed == errc::tls_failed);
}

TEST_CASE("simulated bytes take the cable's time", "[sim]") {
    net::io_context io;
    manual_clock clock;
    sim_network network(&clock);
    sim_link link;
    link.latency = 50ms;
    network.set_link(link);
    error_code ec;
    const auto acceptor = network.listen(io.get_executor(), {}, ec);
    io::connect_options to;
    to.host = "127.0.0.1";
    to.port = acceptor->local_endpoint().port;
    io::stream_ptr client, server;
    acceptor->start_accept(io.get_executor(),
                           [&](error_code, io::stream_ptr s) { server = std::move(s); });
    auto cancel = network.start_connect(
        io.get_executor(), to, [&](error_code, io::stream_ptr s) { client = std::move(s); });
    run_ready(io);
    CHECK_FALSE(client);
    clock.advance(50ms);
    run_ready(io);
    REQUIRE(client);
    REQUIRE(server);

    std::array<std::byte, 8> buffer{};
    std::string got;
    std::optional<error_code> end;
    std::function<void()> read = [&] {
        server->start_read(buffer, [&](error_code e, std::size_t n) {
            got += text_of(std::span(buffer).first(n));
            if (e)
                end = e;
            else
                read();
        });
    };
    read();
    CHECK(client->try_write(bytes_of("ab"), ec) == 2);
    clock.advance(20ms);
    run_ready(io);
    CHECK(client->try_write(bytes_of("cd"), ec) == 2);
    client->close();
    clock.advance(29ms);
    run_ready(io);
    CHECK(got.empty());
    clock.advance(1ms);
    run_ready(io);
    CHECK(got == "ab");
    clock.advance(20ms);
    run_ready(io);
    CHECK(got == "abcd");
    CHECK(end == error_code(net::error::eof));
    CHECK_THROWS(sim_network().set_link(link));
}

TEST_CASE("a simulated network that goes drops every callback", "[sim]") {
    net::io_context io;
    const auto token = std::make_shared<int>();
    io::stream_ptr client, server;
    std::unique_ptr<io::acceptor> acceptor;
    std::array<std::byte, 8> buffer{};
    {
        sim_network network;
        error_code ec;
        acceptor = network.listen(io.get_executor(), {}, ec);
        io::connect_options to;
        to.host = "localhost";
        to.port = acceptor->local_endpoint().port;
        const auto accept = [&](error_code, io::stream_ptr s) { server = std::move(s); };
        acceptor->start_accept(io.get_executor(), accept);
        const auto keep = [&](error_code, io::stream_ptr s) { client = std::move(s); };
        auto cancel = network.start_connect(io.get_executor(), to, keep);
        run_until(io, [&] { return client && server; });
        acceptor->start_accept(io.get_executor(), [token](error_code, io::stream_ptr) {});
        client->start_read(buffer, [token](error_code, std::size_t) {});
        to.host = "hung.example";
        network.add_name(to.host, {});
        auto hung =
            network.start_connect(io.get_executor(), to, [token](error_code, io::stream_ptr) {});
        run_ready(io);
        CHECK(token.use_count() == 4);
    }
    CHECK(token.use_count() == 1);
    run_ready(io);
}

}  // namespace tidings::test
