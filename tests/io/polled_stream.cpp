// SPDX-License-Identifier: BSL-1.0
// The two kinds of streams over a socket: what a `poll_set` tells and what Asio does. What every
// stream has in common is in network.cpp.
#include "support/catch2.hpp"

#include <tidings/io/impl/polled_stream.hpp>
#include <tidings/io/impl/socket_stream.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>

#include <array>
#include <deque>
#include <string>
#include <utility>
#include <vector>
#if TIDINGS_POLL_SET
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <atomic>

namespace {
std::atomic<int> asked_epoll = 0;
}

#if !defined(__SANITIZE_THREAD__)
// In the place of the C library's, which the program and Asio call.
extern "C" int epoll_ctl(int set, int how, int descriptor, epoll_event* event) noexcept {
    ++asked_epoll;
    return static_cast<int>(::syscall(SYS_epoll_ctl, set, how, descriptor, event));
}
#endif

namespace tidings::test {

namespace {

using namespace std::string_view_literals;

struct asio_kind {
    static io::stream_ptr make(const net::any_io_executor& executor, int descriptor) {
        return std::make_unique<detail::socket_stream>(
            detail::any_socket(executor, net::generic::stream_protocol(AF_UNIX, 0), descriptor),
            detail::any_endpoint());
    }
};
struct polled_kind {
    static io::stream_ptr make(const net::any_io_executor& executor, int descriptor) {
        return std::make_unique<detail::polled_stream>(executor, descriptor, std::nullopt);
    }
};

/// A stream and the descriptor of its peer.
struct connection {
    template <class Kind>
    static connection make(const net::any_io_executor& executor, Kind) {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        return {Kind::make(executor, ends[0]), ends[1]};
    }
    connection(io::stream_ptr s, int p) : stream(std::move(s)), peer(p) {}
    connection(connection&& o) noexcept
        : stream(std::move(o.stream)),
          peer(std::exchange(o.peer, -1)) {}
    connection& operator=(connection&&) = delete;
    ~connection() { hang_up(); }

    void send(std::string_view text) const {
        REQUIRE(::write(peer, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    }
    void hang_up() {
        if (peer >= 0) ::close(std::exchange(peer, -1));
    }
    std::string read(std::size_t most = 64) const {
        std::string text(most, '\0');
        error_code ec;
        text.resize(stream->try_read(std::as_writable_bytes(std::span(text)), ec));
        return ec ? "(" + ec.message() + ")" : text;
    }
    io::stream_ptr stream;
    int peer;
};

constexpr auto readable = io::wait_for::readable;
constexpr auto writable = io::wait_for::writable;

}  // namespace

TEMPLATE_TEST_CASE("a wait completes when there is something, and not before", "[io]", asio_kind,
                   polled_kind) {
    net::io_context io;
    auto c = connection::make(io.get_executor(), TestType());
    std::vector<std::string> read;
    int calls = 0;
    const auto wait = [&](std::size_t most) {
        c.stream->start_wait(readable, [&, most](error_code ec) {
            ++calls;
            read.push_back(ec ? ec.message() : c.read(most));
        });
        io.poll();
        io.restart();
    };
    wait(64);
    CHECK(calls == 0);
    c.send("one");
    io.poll();
    io.restart();
    CHECK(read.back() == "one");
    SECTION("what a short read left is there for the next") {
        c.send("abcdef");
        for (const auto* piece : {"ab", "cd", "ef"}) {
            wait(2);
            CHECK(read.back() == piece);
        }
        wait(2);
        CHECK(calls == 4);
    }
    SECTION("an end behind bytes is not missed") {
        c.send("last");
        c.hang_up();
        wait(64);
        CHECK(read.back() == "last");
        wait(64);
        CHECK(read.back() == "(End of file)");
    }
    SECTION("an end that came with the bytes before a wait is not missed") {
        wait(64);
        c.send("last");
        c.hang_up();
        io.poll();
        io.restart();
        CHECK(read.back() == "last");
        wait(64);
        CHECK(read.back() == "(End of file)");
    }
    SECTION("bytes that came while nothing waited are not missed") {
        c.send("early");
        io.poll();
        io.restart();
        wait(64);
        CHECK(read.back() == "early");
    }
}

TEMPLATE_TEST_CASE("both directions are waited for at once", "[io]", asio_kind, polled_kind) {
    net::io_context io;
    auto c = connection::make(io.get_executor(), TestType());
    const std::string much(1 << 20, 'x');
    error_code ec;
    while (!ec) c.stream->try_write(std::as_bytes(std::span(much)), ec);
    REQUIRE(ec == net::error::would_block);
    std::string order;
    c.stream->start_wait(readable, [&](error_code e) { order += e ? '!' : 'r'; });
    c.stream->start_wait(writable, [&](error_code e) { order += e ? '!' : 'w'; });
    io.poll();
    io.restart();
    CHECK(order.empty());
    std::string taken(much.size(), '\0');
    while (::recv(c.peer, taken.data(), taken.size(), MSG_DONTWAIT) > 0) {
    }
    io.poll();
    io.restart();
    CHECK(order == "w");
    c.send("answer");
    io.poll();
    CHECK(order == "wr");
    CHECK(c.read() == "answer");
}

TEMPLATE_TEST_CASE("a context runs while a stream waits, and no longer", "[io]", asio_kind,
                   polled_kind) {
    net::io_context io;
    auto c = connection::make(io.get_executor(), TestType());
    std::vector<error_code> ends;
    CHECK(io.run() == 0);
    io.restart();
    c.stream->start_wait(readable, [&](error_code ec) { ends.push_back(ec); });
    io.poll();
    CHECK_FALSE(io.stopped());
    SECTION("closed: the wait is aborted") {
        c.stream->close();
        CHECK(ends.empty());
        io.run();
        CHECK(ends == std::vector{error_code(net::error::operation_aborted)});
    }
    SECTION("destroyed: the wait is dropped") {
        c.stream.reset();
        io.run();
        CHECK(ends.empty());
    }
    SECTION("closed and destroyed: the wait is dropped") {
        c.stream->close();
        c.stream.reset();
        io.run();
        CHECK(ends.empty());
    }
    SECTION("the peer ends: the wait completes") {
        c.hang_up();
        io.run();
        CHECK(ends == std::vector{error_code()});
    }
}

// A turn has the events of several streams, of which the first callback ends the others.
TEMPLATE_TEST_CASE("a callback may end every stream that is ready with its own", "[io]", asio_kind,
                   polled_kind) {
    const auto how = GENERATE(0, 1, 2);
    net::io_context io;
    std::deque<connection> all;
    int calls = 0;
    int aborted = 0;
    for (int i = 0; i < 8; ++i) all.push_back(connection::make(io.get_executor(), TestType()));
    for (auto& c : all)
        c.stream->start_wait(readable, [&](error_code ec) {
            ++calls;
            if (ec) {
                CHECK(ec == net::error::operation_aborted);
                ++aborted;
                return;
            }
            for (auto& other : all) {
                if (how == 0) other.stream.reset();
                if (how == 1) other.stream->close();
            }
            if (how == 2) all.clear();
        });
    for (auto& c : all) c.send("x");
    io.run();
    CHECK(calls == (how == 1 ? 8 : 1));
    CHECK(aborted == (how == 1 ? 7 : 0));
}

TEMPLATE_TEST_CASE("what a callback that throws leaves is not lost", "[io]", asio_kind,
                   polled_kind) {
    net::io_context io;
    std::deque<connection> all;
    int calls = 0;
    for (int i = 0; i < 8; ++i) all.push_back(connection::make(io.get_executor(), TestType()));
    for (auto& c : all)
        c.stream->start_wait(readable, [&](error_code) {
            if (++calls % 2 == 1) throw calls;
        });
    for (auto& c : all) c.send("x");
    int thrown = 0;
    for (bool ended = false; !ended;) try {
            io.run();
            ended = true;
        } catch (int) {
            ++thrown;
        }
    CHECK(calls == 8);
    CHECK(thrown == 4);
}

TEMPLATE_TEST_CASE("a context that ends lets go of what waits", "[io]", asio_kind, polled_kind) {
    const auto held = std::make_shared<int>(0);
    {
        net::io_context io;
        for (const bool in_strand : {false, true}) {
            const net::any_io_executor executor =
                in_strand ? net::any_io_executor(net::make_strand(io)) : io.get_executor();
            const auto c = std::make_shared<connection>(connection::make(executor, TestType()));
            const auto other = std::make_shared<connection>(connection::make(executor, TestType()));
            // Each is kept by its own wait; one by that of the other, too.
            c->stream->start_wait(readable, [c, other, held](error_code) {});
            other->stream->start_wait(readable, [other, held](error_code) {});
        }
        io.poll();
        CHECK(held.use_count() == 5);
    }
    CHECK(held.use_count() == 1);
}

TEMPLATE_TEST_CASE("a stream goes on at another executor", "[io]", asio_kind, polled_kind) {
    net::io_context io;
    auto c = connection::make(io.get_executor(), TestType());
    int calls = 0;
    const auto wait = [&] { c.stream->start_wait(readable, [&](error_code) { ++calls; }); };
    wait();
    c.send("one");
    io.run();
    io.restart();
    CHECK(c.read() == "one");
    const auto strand = net::make_strand(io);
    REQUIRE(c.stream->rebind(strand));
    CHECK(c.stream->executor() == net::any_io_executor(strand));
    net::post(strand, wait);
    io.poll();
    CHECK(calls == 1);
    c.send("two");
    io.run();
    CHECK(calls == 2);
    CHECK(c.read() == "two");
}

#if !defined(__SANITIZE_THREAD__)
TEST_CASE("a wait for what comes takes no call of epoll of its own", "[io][counts]") {
    constexpr int streams = 64;
    constexpr int rounds = 10;
    net::io_context io;
    std::deque<connection> all;
    int calls = 0;
    for (int i = 0; i < streams; ++i)
        all.push_back(connection::make(io.get_executor(), polled_kind()));
    const auto wait_all = [&] {
        for (auto& c : all)
            c.stream->start_wait(readable, [&](error_code) {
                ++calls;
                CHECK(c.read() == "x");
            });
    };
    wait_all();  // enters each
    for (auto& c : all) c.send("x");
    io.run();
    io.restart();
    asked_epoll = 0;
    for (int i = 0; i < rounds; ++i) {
        wait_all();
        for (auto& c : all) c.send("x");
        io.run();
        io.restart();
    }
    CHECK(calls == (rounds + 1) * streams);
    CHECK(asked_epoll <= 2 * rounds);  // the set's own wait
}
#endif

TEST_CASE("where the process has no descriptor left a wait says so", "[io]") {
    net::io_context io;
    const auto strand = net::make_strand(io);  // whose streams have no set yet
    auto c = connection::make(strand, polled_kind());
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    std::vector<int> all;
    rlimit low = before;
    low.rlim_cur = 64;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
    for (int d = ::dup(c.peer); d >= 0; d = ::dup(c.peer)) all.push_back(d);
    std::vector<error_code> ends;
    const auto wait = [&] {
        net::post(strand, [&] {
            c.stream->start_wait(readable, [&](error_code ec) { ends.push_back(ec); });
        });
    };
    wait();
    io.run();
    io.restart();
    for (const int d : all) ::close(d);
    ::setrlimit(RLIMIT_NOFILE, &before);
    CHECK(ends == std::vector{error_code(net::error::no_descriptors)});
    wait();
    c.send("x");
    io.run();
    REQUIRE(ends.size() == 2);
    CHECK_FALSE(ends[1]);
}

}  // namespace tidings::test

#endif
