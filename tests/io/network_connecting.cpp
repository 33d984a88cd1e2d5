// SPDX-License-Identifier: BSL-1.0
// What every io::network promises of listening and connecting.
#include "support/network_fixture.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <set>

namespace tidings::test {

TEST_CASE("both ends know the other's address", "[io]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    network_fixture f(t);
    const auto local = f.acceptor().local_endpoint();
    auto [client, server] = f.connect();
    CHECK(client->remote_is_loopback());
    CHECK(server->remote_is_loopback());
    if (f.over_unix()) {
        CHECK(local.port == 0);
        CHECK(client->remote_address() == "unix");
        CHECK(server->remote_address() == "unix");
        return;
    }
    CHECK(local.address.to_string() == "127.0.0.1");
    CHECK(local.port != 0);
    CHECK(client->remote_address() == "127.0.0.1:" + std::to_string(local.port));
    CHECK(server->remote_address().starts_with("127.0.0.1:"));
    CHECK(server->remote_address() != client->remote_address());
    const auto who = client->remote_address();
    client->close();
    CHECK(client->remote_address() == who);
}

TEST_CASE("the phases of connecting are announced in order, with the address", "[io]") {
    using phase = io::connect_phase;
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    network_fixture f(t);
    const auto port = f.acceptor().local_endpoint().port;
    std::vector<std::pair<phase, std::uint16_t>> seen;
    auto to = f.connect_options();
    to.on_phase = [&](phase p, const io::socket_address& a) { seen.emplace_back(p, a.port); };
    io::stream_ptr client, server;
    bool shaken = false;
    f.acceptor().start_accept(f.executor(), [&](error_code, io::stream_ptr s) {
        server = std::move(s);
        server->start_handshake([&](error_code) { shaken = true; });
    });
    const auto cancel = f.network().start_connect(
        f.executor(), to, [&](error_code, io::stream_ptr s) { client = std::move(s); });
    CHECK(seen.empty());
    f.run_until([&] { return client && shaken; });
    std::vector<std::pair<phase, std::uint16_t>> expected;
    if (!f.over_unix()) expected = {{phase::resolve, std::uint16_t{0}}, {phase::connect, port}};
    if (f.tls()) expected.emplace_back(phase::handshake, port);
    CHECK(seen == expected);
}

TEST_CASE("many connections are accepted, each once", "[io]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    constexpr std::size_t count = 40;
    network_fixture f(t);
    std::vector<io::stream_ptr> clients, servers;
    std::size_t handshakes = 0;
    std::function<void()> accept = [&] {
        f.acceptor().start_accept(f.executor(), [&](error_code ec, io::stream_ptr s) {
            REQUIRE_FALSE(ec);
            s->start_handshake([&](error_code e) {
                CHECK_FALSE(e);
                ++handshakes;
            });
            servers.push_back(std::move(s));
            if (servers.size() < count) accept();
        });
    };
    accept();
    std::vector<io::canceller> cancels;
    for (std::size_t i = 0; i < count; ++i)
        cancels.push_back(f.network().start_connect(f.executor(), f.connect_options(),
                                                    [&](error_code ec, io::stream_ptr s) {
                                                        REQUIRE_FALSE(ec);
                                                        clients.push_back(std::move(s));
                                                    }));
    f.run_until([&] { return clients.size() == count && handshakes == count; });
    for (std::size_t i = 0; i < count; ++i) f.write(*clients[i], std::to_string(100 + i));
    std::set<std::string> seen;
    for (auto& s : servers) seen.insert(f.read(*s, 3));
    CHECK(seen.size() == count);
    for (auto& cancel : cancels) cancel();  // too late, and harmless
    f.write(*clients.front(), "x");
}

TEST_CASE("a connection that nobody takes is refused", "[io]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    network_fixture f(t);
    const auto options = f.connect_options();
    f.close_acceptor();
    std::optional<error_code> failed;
    bool returned = false;
    auto cancel =
        f.network().start_connect(f.executor(), options, [&](error_code ec, io::stream_ptr s) {
            CHECK(returned);
            CHECK_FALSE(s);
            failed = ec;
        });
    returned = true;
    f.run_until([&] { return failed.has_value(); });
    CHECK(*failed);
    if (!f.over_unix()) CHECK(*failed == net::error::connection_refused);
}

TEST_CASE("a cancelled connect never calls back", "[io]") {
    const auto t = GENERATE(from_range(every_transport));
    const auto turns = GENERATE(0, 1, 2, 3, 4);
    CAPTURE(t, turns);
    network_fixture f(t);
    f.acceptor();
    const auto token = std::make_shared<int>();
    bool cancelled = false;
    auto cancel = f.network().start_connect(
        f.executor(), f.connect_options(),
        [&cancelled, token](error_code, io::stream_ptr) { CHECK_FALSE(cancelled); });
    for (int i = 0; i < turns; ++i) f.context().poll_one();
    cancel();
    cancelled = true;
    cancel();
    f.run_ready();
    CHECK(token.use_count() == 1);
}

TEST_CASE("the address filter has the last word", "[io]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    network_fixture f(t);
    if (f.over_unix()) return;  // has no address
    auto options = f.connect_options();
    std::vector<std::string> asked;
    bool allowed = false;
    options.address_filter = [&](const net::ip::address& a) {
        asked.push_back(a.to_string());
        return allowed && a.is_v4();
    };
    options.host = "localhost";
    std::optional<error_code> result;
    io::stream_ptr stream;
    const auto done = [&](error_code ec, io::stream_ptr s) {
        result = ec;
        stream = std::move(s);
    };
    auto cancel = f.network().start_connect(f.executor(), options, done);
    f.run_until([&] { return result.has_value(); });
    CHECK(*result == errc::address_refused);
    CHECK_FALSE(stream);
    CHECK(std::count(asked.begin(), asked.end(), "127.0.0.1") == 1);

    allowed = true;
    io::stream_ptr server;
    f.acceptor().start_accept(f.executor(), [&](error_code, io::stream_ptr s) {
        server = std::move(s);
        server->start_handshake([](error_code ec) { CHECK_FALSE(ec); });
    });
    result.reset();
    cancel = f.network().start_connect(f.executor(), options, done);
    f.run_until([&] { return result.has_value() && server; });
    CHECK_FALSE(*result);
    CHECK(stream);
}

TEST_CASE("names are resolved, and an unknown one is said to be", "[io]") {
    const auto t = GENERATE(transport::tcp, transport::sim);
    CAPTURE(t);
    network_fixture f(t);
    const auto resolve = [&](const std::string& host) {
        std::optional<std::pair<error_code, std::vector<io::socket_address>>> result;
        auto cancel = f.network().start_resolve(
            f.executor(), host, 80, [&](error_code ec, std::vector<io::socket_address> found) {
                result.emplace(ec, std::move(found));
            });
        f.run_until([&] { return result.has_value(); });
        return *result;
    };
    const auto [ec, found] = resolve("localhost");
    CHECK_FALSE(ec);
    const io::socket_address loopback{net::ip::make_address("127.0.0.1"), 80};
    CHECK(std::count(found.begin(), found.end(), loopback) == 1);
    const auto [literal_ec, literal] = resolve("::1");
    CHECK_FALSE(literal_ec);
    REQUIRE(literal.size() == 1);
    CHECK(literal.front() == io::socket_address{net::ip::make_address("::1"), 80});
    // Too long for any name, so that no name server is asked.
    const std::string impossible(300, 'x');
    for (const auto& bad : {std::string(), impossible}) {
        CHECK(resolve(bad).first == errc::name_not_resolved);
        CHECK(resolve(bad).second.empty());
    }
    // A C interface would stop at the NUL and resolve what stands before it.
    CHECK(resolve(std::string("localhost\0.evil.example", 23)).first == errc::name_not_resolved);

    auto options = f.connect_options();
    options.host = impossible;
    std::optional<error_code> failed;
    auto cancel = f.network().start_connect(f.executor(), options,
                                            [&](error_code e, io::stream_ptr) { failed = e; });
    f.run_until([&] { return failed.has_value(); });
    CHECK(*failed == errc::name_not_resolved);
}

TEST_CASE("a closed acceptor aborts its accept, a destroyed one drops it", "[io]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    network_fixture f(t);
    std::optional<error_code> ec;
    f.acceptor().start_accept(f.executor(), [&](error_code e, io::stream_ptr s) {
        CHECK_FALSE(s);
        ec = e;
    });
    f.acceptor().close();
    CHECK_FALSE(ec);
    f.run_until([&] { return ec.has_value(); });
    CHECK(*ec == net::error::operation_aborted);

    f.close_acceptor();
    f.acceptor().start_accept(f.executor(), [](error_code, io::stream_ptr) { FAIL("dropped"); });
    f.close_acceptor();
    f.run_ready();
}

TEST_CASE("an address can be listened on once", "[io]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    network_fixture f(t);
    auto options = f.listen_options();
    options.unix_path = f.connect_options().unix_path;
    options.port = f.acceptor().local_endpoint().port;
    error_code ec;
    CHECK_FALSE(f.network().listen(f.executor(), options, ec));
    CHECK(ec == net::error::address_in_use);
    // The failed attempt took nothing from the one that listens.
    CHECK(f.connect().client);
    f.close_acceptor();
    ec = {};
    CHECK(f.network().listen(f.executor(), options, ec));
    CHECK_FALSE(ec);
}

TEST_CASE("what is no address cannot be listened on", "[io]") {
    const auto t = GENERATE(transport::tcp, transport::sim);
    CAPTURE(t);
    network_fixture f(t);
    auto options = f.listen_options();
    options.address = "localhost";
    error_code ec;
    CHECK_FALSE(f.network().listen(f.executor(), options, ec));
    CHECK(ec);
}

}  // namespace tidings::test
