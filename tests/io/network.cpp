// SPDX-License-Identifier: BSL-1.0
// What every io::network promises, whatever lies below it.
#include "support/network_fixture.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <set>
#include <thread>

namespace tidings::test {

namespace {

/// A failed operation's result, and that it did not complete inside the call that started it.
struct outcome {
    std::optional<error_code> ec;
    std::size_t size = 0;
    bool returned = false;
    bool inside = false;

    auto transfer() {
        return [this](error_code e, std::size_t n) { set(e, n); };
    }
    auto ready() {
        return [this](error_code e) { set(e, 0); };
    }
    void set(error_code e, std::size_t n) {
        CHECK_FALSE(ec.has_value());  // once
        inside = !returned;
        ec = e;
        size = n;
    }
};

/// Copies everything from one stream to another end, in pieces, until the stream ends.
class echo {
 public:
    echo(io::stream& s, std::size_t piece) : stream_(s), buffer_(piece) { read(); }
    bool ended = false;

 private:
    void read() {
        stream_.start_read(buffer_, [this](error_code ec, std::size_t n) {
            if (ec) {
                CHECK(ec == net::error::eof);
                ended = true;
                return;
            }
            rest_ = std::span(buffer_).first(n);
            write();
        });
    }
    void write() {
        stream_.start_write(rest_, [this](error_code ec, std::size_t n) {
            REQUIRE_FALSE(ec);
            rest_ = rest_.subspan(n);
            rest_.empty() ? read() : write();
        });
    }
    io::stream& stream_;
    std::vector<std::byte> buffer_;
    std::span<const std::byte> rest_;
};

/// Writes a text and then ends the direction.
class sending {
 public:
    sending(io::stream& s, std::string_view text) : stream_(s), rest_(text) { write(); }
    bool done = false;

 private:
    void write() {
        if (rest_.empty()) {
            stream_.start_shutdown([this](error_code ec) {
                CHECK_FALSE(ec);
                done = true;
            });
            return;
        }
        stream_.start_write(bytes_of(rest_), [this](error_code ec, std::size_t n) {
            REQUIRE_FALSE(ec);
            rest_.remove_prefix(n);
            write();
        });
    }
    io::stream& stream_;
    std::string_view rest_;
};

}  // namespace

TEST_CASE("bytes arrive complete and in order while both ends send", "[io]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    network_fixture f(t);
    auto [client, server] = f.connect();
    const auto text = long_text(t == transport::sim_byte ? 2'000 : 3'000'000);
    const echo echoed(*server, 50'000);
    const sending sent(*client, text);
    const auto answer = f.read(*client, text.size());
    CHECK((answer == text));
    f.run_until([&] { return sent.done && echoed.ended; });
}

TEST_CASE("an orderly end is eof, and the other direction goes on", "[io]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    network_fixture f(t);
    auto [client, server] = f.connect();
    f.write(*client, "question");
    outcome shut;
    client->start_shutdown(shut.ready());
    shut.returned = true;
    f.run_until([&] { return shut.ec.has_value(); });
    CHECK_FALSE(*shut.ec);
    CHECK_FALSE(shut.inside);

    CHECK(f.read(*server, 8) == "question");
    CHECK(f.read_error(*server) == net::error::eof);
    CHECK(f.read_error(*server) == net::error::eof);

    f.write(*server, "answer");
    CHECK(f.read(*client, 6) == "answer");
    server.reset();
    CHECK(f.read_error(*client));
}

TEST_CASE("a shutdown does not wait for the peer", "[io]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    network_fixture f(t);
    auto [client, server] = f.connect();
    outcome reading;
    std::array<std::byte, 8> buffer{};
    client->start_read(buffer, reading.transfer());  // a reader under way is no hindrance
    outcome shut;
    client->start_shutdown(shut.ready());
    f.run_until([&] { return shut.ec.has_value(); });
    CHECK_FALSE(*shut.ec);
    CHECK_FALSE(reading.ec.has_value());
}

TEST_CASE("a peer that goes with bytes unread is an error and no end", "[io]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    network_fixture f(t);
    auto [client, server] = f.connect();
    f.write(*client, "nobody reads this");
    server->close();
    const auto ec = f.read_error(*client);
    CHECK(ec);
    CHECK(ec != net::error::eof);
    CHECK(ec != net::error::operation_aborted);
}

TEST_CASE("writing to a peer that is gone fails and raises no signal", "[io]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    network_fixture f(t);
    auto [client, server] = f.connect();
    server.reset();
    error_code ec;
    const auto text = long_text(100'000);
    while (!ec) {
        outcome written;
        client->start_write(bytes_of(text), written.transfer());
        f.run_until([&] { return written.ec.has_value(); });
        ec = *written.ec;
    }
    CHECK(ec != net::error::operation_aborted);
}

TEST_CASE("nothing completes inside the call that starts it", "[io]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    network_fixture f(t);
    auto [client, server] = f.connect();
    f.write(*server, "ready");
    std::array<std::byte, 5> buffer{};
    outcome read, written, wait;
    client->start_read(buffer, read.transfer());
    read.returned = true;
    client->start_write(bytes_of("x"), written.transfer());
    written.returned = true;
    f.run_until([&] { return read.ec && written.ec; });
    CHECK_FALSE(read.inside);
    CHECK_FALSE(written.inside);
    client->start_wait(io::wait_for::writable, wait.ready());
    wait.returned = true;
    f.run_until([&] { return wait.ec.has_value(); });
    CHECK_FALSE(wait.inside);
    CHECK(*wait.ec == (client->can_poll() ? error_code() : net::error::operation_not_supported));
}

TEST_CASE("closing completes what is under way with operation_aborted", "[io]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    network_fixture f(t);
    auto [client, server] = f.connect();
    std::array<std::byte, 8> buffer{};
    outcome read, written;
    client->start_read(buffer, read.transfer());
    const auto text = long_text(8'000'000);  // more than any socket takes at once
    for (bool blocked = false; !blocked; blocked = !written.ec) {
        written = {};
        client->start_write(bytes_of(text), written.transfer());
        f.run_ready();
    }
    client->close();
    CHECK_FALSE(read.ec);
    CHECK_FALSE(written.ec);
    f.run_until([&] { return read.ec && written.ec; });
    CHECK(*read.ec == net::error::operation_aborted);
    CHECK(read.size == 0);
    CHECK(*written.ec == net::error::operation_aborted);
    CHECK(written.size == 0);

    // Whatever is asked of a closed stream is answered, and in the same way.
    outcome late_read, late_write, late_handshake;
    client->start_read(buffer, late_read.transfer());
    client->start_write(bytes_of("x"), late_write.transfer());
    client->start_handshake(late_handshake.ready());
    f.run_until([&] { return late_read.ec && late_write.ec && late_handshake.ec; });
    CHECK(*late_read.ec == net::error::operation_aborted);
    CHECK(*late_write.ec == net::error::operation_aborted);
    CHECK(*late_handshake.ec == net::error::operation_aborted);
    client->close();
}

TEST_CASE("what had already succeeded is aborted too when the stream is closed first", "[io]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    network_fixture f(t);
    auto [client, server] = f.connect();
    f.write(*server, "here");
    std::array<std::byte, 8> buffer{};
    outcome read, written;
    client->start_read(buffer, read.transfer());
    client->start_write(bytes_of("x"), written.transfer());
    client->close();
    f.run_until([&] { return read.ec && written.ec; });
    CHECK(*read.ec == net::error::operation_aborted);
    CHECK(*written.ec == net::error::operation_aborted);
}

TEST_CASE("destroying a stream drops its callbacks and leaves the buffers alone", "[io]") {
    const auto t = GENERATE(from_range(every_transport));
    const auto ready = GENERATE(false, true);
    CAPTURE(t, ready);
    network_fixture f(t);
    auto [client, server] = f.connect();
    if (ready) f.write(*server, "abc");
    auto buffer = std::make_unique<std::array<std::byte, 64>>();
    auto text = std::make_unique<std::string>(long_text(8'000'000));
    const auto token = std::make_shared<int>();
    client->start_read(*buffer, [token](error_code, std::size_t) { FAIL("dropped"); });
    client->start_write(bytes_of(*text), [token](error_code, std::size_t) { FAIL("dropped"); });
    client.reset();
    buffer.reset();
    text.reset();
    std::array<std::byte, 1> one{};
    outcome seen;
    server->start_read(one, seen.transfer());
    f.run_until([&] { return seen.ec.has_value(); });
    f.run_ready();
    CHECK(token.use_count() == 1);
}

TEST_CASE("a stream may be destroyed by its own callback", "[io]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    network_fixture f(t);
    auto [client, server] = f.connect();
    std::array<std::byte, 8> buffer{}, other{};
    auto& s = *client;
    f.write(*server, "x");
    bool done = false;
    s.start_write(bytes_of("y"), [&](error_code, std::size_t) {});
    s.start_read(buffer, [&](error_code, std::size_t) {
        client.reset();
        done = true;
    });
    f.run_until([&] { return done; });
    server->start_read(other, [&](error_code, std::size_t) { server.reset(); });
    f.run_until([&] { return !server; });
}

TEST_CASE("a session that keeps itself goes with the context", "[io]") {
    struct session : std::enable_shared_from_this<session> {
        io::stream_ptr stream;
        std::array<std::byte, 8> buffer{};
        void run() {
            stream->start_read(buffer, [self = shared_from_this()](error_code, std::size_t) {});
        }
    };
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    network_fixture f(t);
    auto [client, server] = f.connect();
    std::weak_ptr<session> watched;
    {
        const auto s = std::make_shared<session>();
        s->stream = std::move(client);
        s->run();
        watched = s;
    }
    f.run_ready();
    CHECK_FALSE(watched.expired());
    server.reset();
    f.destroy_context();
    CHECK(watched.expired());
}

TEST_CASE("what is there can be read without waiting", "[io]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    network_fixture f(t);
    auto [client, server] = f.connect();
    std::array<std::byte, 16> buffer{};
    error_code ec;
    if (!client->can_poll()) {
        CHECK(f.tls());
        CHECK(client->try_read(buffer, ec) == 0);
        CHECK(ec == net::error::operation_not_supported);
        ec = {};
        CHECK(client->try_write(bytes_of("x"), ec) == 0);
        CHECK(ec == net::error::operation_not_supported);
        return;
    }
    CHECK(client->try_read(buffer, ec) == 0);
    CHECK(ec == net::error::would_block);

    outcome wait;
    client->start_wait(io::wait_for::readable, wait.ready());
    f.run_ready();
    CHECK_FALSE(wait.ec);
    f.write(*server, "abc");
    f.run_until([&] { return wait.ec.has_value(); });
    CHECK_FALSE(*wait.ec);
    std::string got;
    while (got.size() < 3) {
        const auto n = client->try_read(buffer, ec);
        REQUIRE_FALSE(ec);
        got += text_of(std::span(buffer).first(n));
    }
    CHECK(got == "abc");
    CHECK(client->try_read(buffer, ec) == 0);
    CHECK(ec == net::error::would_block);

    outcome ended;
    server.reset();
    client->start_wait(io::wait_for::readable, ended.ready());
    f.run_until([&] { return ended.ec.has_value(); });
    CHECK_FALSE(*ended.ec);  // ready, to say that it ended
    CHECK(client->try_read(buffer, ec) == 0);
    CHECK(ec == net::error::eof);
    client->close();
    CHECK(client->try_read(buffer, ec) == 0);
    CHECK(ec == net::error::operation_aborted);
    CHECK(client->try_write(bytes_of("x"), ec) == 0);
    CHECK(ec == net::error::operation_aborted);
}

TEST_CASE("a full socket takes no more until the peer has read", "[io]") {
    const auto t =
        GENERATE(transport::tcp, transport::unix_socket, transport::sim, transport::sim_byte);
    CAPTURE(t);
    network_fixture f(t);
    auto [client, server] = f.connect();
    const auto text = long_text(1'000'000);
    std::size_t written = 0;
    error_code ec;
    while (!ec) {
        const auto rest = std::string_view(text).substr(written % text.size());
        const auto n = client->try_write(bytes_of(rest), ec);
        CHECK((ec ? n == 0 : n > 0));
        written += n;
    }
    CHECK(ec == net::error::would_block);
    outcome wait;
    client->start_wait(io::wait_for::writable, wait.ready());
    f.run_ready();
    CHECK_FALSE(wait.ec);

    std::string got = f.read(*server, written);
    f.run_until([&] { return wait.ec.has_value(); });
    CHECK_FALSE(*wait.ec);
    std::string expected;
    while (expected.size() < written) expected += text;
    CHECK((got == expected.substr(0, written)));
    CHECK(client->try_write(bytes_of("x"), ec) == 1);
    CHECK_FALSE(ec);
}

TEST_CASE("a wait that is under way is aborted by close and dropped by the end", "[io]") {
    const auto t = GENERATE(transport::tcp, transport::unix_socket, transport::sim);
    CAPTURE(t);
    network_fixture f(t);
    auto [client, server] = f.connect();
    outcome wait;
    client->start_wait(io::wait_for::readable, wait.ready());
    client->close();
    f.run_until([&] { return wait.ec.has_value(); });
    CHECK(*wait.ec == net::error::operation_aborted);
    server->start_wait(io::wait_for::readable, [](error_code) { FAIL("dropped"); });
    server.reset();
    f.run_ready();
}

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

TEST_CASE("every callback runs on the executor that was named", "[io]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    network_fixture f(t);
    const auto strand_of = [&] { return net::make_strand(f.context()); };
    const auto of_acceptor = strand_of(), of_server = strand_of(), of_client = strand_of();
    error_code ec;
    const auto options = f.listen_options();
    auto acceptor = f.network().listen(of_acceptor, options, ec);
    REQUIRE(acceptor);
    auto to = f.connect_options();
    to.port = acceptor->local_endpoint().port;
    to.unix_path = options.unix_path;

    io::stream_ptr client, server;
    std::array<std::byte, 1> buffer{};
    int done = 0;
    net::post(of_acceptor, [&] {
        acceptor->start_accept(of_server, [&](error_code, io::stream_ptr s) {
            CHECK(of_acceptor.running_in_this_thread());
            CHECK(s->executor() == net::any_io_executor(of_server));
            server = std::move(s);
            net::post(of_server, [&] {
                server->start_handshake([&](error_code) {
                    CHECK(of_server.running_in_this_thread());
                    server->start_read(buffer, [&](error_code, std::size_t) {
                        CHECK(of_server.running_in_this_thread());
                        ++done;
                    });
                });
            });
        });
    });
    auto cancel = f.network().start_connect(of_client, to, [&](error_code, io::stream_ptr s) {
        CHECK(of_client.running_in_this_thread());
        CHECK(s->executor() == net::any_io_executor(of_client));
        client = std::move(s);
        client->start_write(bytes_of("x"), [&](error_code, std::size_t) {
            CHECK(of_client.running_in_this_thread());
            ++done;
        });
    });
    f.run_until([&] { return done == 2; });
}

namespace {

/// Answers every byte with itself; keeps itself alive.
struct echo_session : std::enable_shared_from_this<echo_session> {
    io::stream_ptr stream;
    std::array<std::byte, 4096> buffer{};

    void run() {
        stream->start_handshake([self = shared_from_this()](error_code ec) {
            if (!ec) self->read();
        });
    }
    void read() {
        stream->start_read(buffer, [self = shared_from_this()](error_code ec, std::size_t n) {
            if (!ec) self->write(std::span(self->buffer).first(n));
        });
    }
    void write(std::span<const std::byte> rest) {
        if (rest.empty()) return read();
        stream->start_write(rest, [self = shared_from_this(), rest](error_code ec, std::size_t n) {
            if (!ec) self->write(rest.subspan(n));
        });
    }
};

/// Sends a text while it reads the answer; keeps itself alive.
struct asking_session : std::enable_shared_from_this<asking_session> {
    io::stream_ptr stream;
    std::string text, answer;
    std::array<std::byte, 4096> buffer{};
    std::function<void(bool)> done;

    void write(std::string_view rest) {
        if (rest.empty()) return;
        stream->start_write(bytes_of(rest),
                            [self = shared_from_this(), rest](error_code ec, std::size_t n) {
                                if (!ec) self->write(rest.substr(n));
                            });
    }
    void read() {
        if (answer.size() >= text.size()) return done(answer == text);
        stream->start_read(buffer, [self = shared_from_this()](error_code ec, std::size_t n) {
            if (ec) return self->done(false);
            self->answer += text_of(std::span(self->buffer).first(n));
            self->read();
        });
    }
};

}  // namespace

TEST_CASE("connections in strands of their own are served by several threads", "[io][threads]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    constexpr std::size_t count = 24;
    network_fixture f(t);
    const auto options = f.connect_options();
    auto& acceptor = f.acceptor();
    auto guard = net::make_work_guard(f.context());
    std::atomic<std::size_t> good = 0, left = count;

    std::function<void()> accept = [&] {
        const auto strand = net::make_strand(f.context());
        acceptor.start_accept(strand, [&, strand](error_code ec, io::stream_ptr s) {
            if (ec) return;
            const auto session = std::make_shared<echo_session>();
            session->stream = std::move(s);
            net::post(strand, [session] { session->run(); });
            accept();
        });
    };
    accept();
    std::vector<io::canceller> cancels;
    for (std::size_t i = 0; i < count; ++i)
        cancels.push_back(f.network().start_connect(
            net::make_strand(f.context()), options, [&, i](error_code ec, io::stream_ptr s) {
                const auto session = std::make_shared<asking_session>();
                session->text = long_text(t == transport::sim_byte ? 100 + i : 50'000 + i);
                session->done = [&](bool same) {
                    if (same) ++good;
                    if (--left == 0) f.context().stop();
                };
                if (ec) return session->done(false);
                session->stream = std::move(s);
                session->write(session->text);
                session->read();
            }));
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) threads.emplace_back([&] { f.context().run(); });
    threads.clear();
    CHECK(left == 0);
    CHECK(good == count);
    guard.reset();
    f.destroy_context();
}

}  // namespace tidings::test
