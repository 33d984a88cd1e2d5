// SPDX-License-Identifier: BSL-1.0
// What every io::network promises, whatever lies below it.
#include "support/network_fixture.hpp"

#include <boost/asio/error.hpp>

#include <array>

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

}  // namespace tidings::test
