// SPDX-License-Identifier: BSL-1.0
// On which executor callbacks run, and connections served by several threads.
#include "support/network_fixture.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <array>
#include <atomic>
#include <thread>

namespace tidings::test {

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

TEST_CASE("a stream is closed while another thread reads for it", "[io][threads]") {
    const auto t = GENERATE(transport::tcp, transport::unix_socket);
    network_fixture f(t);
    for (int round = 0; round < 40; ++round) {
        auto c = f.connect();
        const auto strand = net::make_strand(f.context());
        REQUIRE(c.server->rebind(strand));
        std::array<std::byte, 1> into{};
        std::optional<error_code> read;
        net::post(strand, [&] {
            c.server->start_read(into, [&](error_code ec, std::size_t) { read = ec; });
            std::atomic<bool> other_runs = false;
            net::post(f.context(), [&] { other_runs = true; });
            while (!other_runs) std::this_thread::yield();
            error_code ec;
            CHECK(c.client->try_write(bytes_of("xyz"), ec) == 3);
            // Before, while and behind what the other thread does for the read.
            for (int i = 0; i < round % 10; ++i) std::this_thread::yield();
            c.server->close();
            CHECK_FALSE(read);
        });
        f.context().restart();
        std::jthread other([&] { f.context().run(); });
        f.context().run();
        other.join();
        REQUIRE(read);
        CHECK(*read == net::error::operation_aborted);
    }
}

}  // namespace tidings::test
