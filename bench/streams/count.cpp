// SPDX-License-Identifier: BSL-1.0
//
// What a server does of one kind of work again and again, for callgrind: what `measured` takes is
// the figure. The client's side, in this thread too, is outside of it. Prints how many allocations
// were made per piece of work. A fan-out's piece is a delivery to one of its streams, and it fails
// where a turn takes more than one send to each of them.
//
//     valgrind --tool=callgrind --toggle-collect='*measured*' count WORK TIMES [STREAMS]

#include "host.hpp"

#include "../fanout/frames.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <new>
#include <string>
#include <string_view>

namespace {

namespace net = boost::asio;

std::size_t allocations = 0;
std::size_t sends = 0;

}  // namespace

void* operator new(std::size_t size) {
    ++allocations;
    if (void* const p = std::malloc(size != 0 ? size : 1)) return p;
    throw std::bad_alloc();
}
void operator delete(void* p) noexcept {
    std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
    std::free(p);
}

// Stands before that of the C library.
extern "C" ssize_t send(int descriptor, const void* bytes, std::size_t size, int flags) {
    ++sends;
    return ::sendto(descriptor, bytes, size, flags, nullptr, 0);
}

[[gnu::noinline]] void measured(net::io_context& io) {
    io.restart();
    io.poll();
}
[[gnu::noinline]] void warming_up(net::io_context& io) {
    io.restart();
    io.poll();
}
[[gnu::noinline]] void measured(net::io_context& io, streams_bench::host& host,
                                std::size_t events) {
    host.publish(events);
    io.restart();
    io.poll();
}

namespace {

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "count: %s\n", what);
    std::exit(EXIT_FAILURE);
}

std::string post(std::string_view path) {
    constexpr std::string_view before = R"({"order":42,"state":"paid","note":")";
    constexpr std::string_view after = R"("})";
    constexpr std::size_t size = 128;
    std::string text = "POST " + std::string(path) +
                       " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                       "Content-Length: 128\r\n\r\n";
    text.append(before).append(size - before.size() - after.size(), 'x').append(after);
    return text;
}

// What one client sends at once.
struct work {
    std::string upgrade{};  // first
    std::string bytes{};
    std::size_t pieces = 1;        // of work in them
    std::string_view answer = "";  // the end of what answers all of them
};

std::string upgrade(std::string_view target) {
    return "GET " + std::string(target) +
           " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
}

work frames(std::size_t pieces, std::size_t size) {
    work w;
    w.upgrade = upgrade("/echo");
    w.pieces = pieces;
    w.answer = "!";
    const auto last = std::string(size - 1, 'x') + '!';
    for (std::size_t i = 1; i <= pieces; ++i)
        fanout::append_frame(w.bytes, fanout::opcode::text,
                             i == pieces ? last : std::string(size, 'x'), 0x2a5bc6d3);
    return w;
}

const std::map<std::string_view, work> works = {
    {"post-service", {.bytes = post("/topics/bench.load"), .answer = "}"}},
    {"post-function", {.bytes = post("/plain"), .answer = "}"}},
    {"echo-16x32", frames(16, 32)},
    {"echo-16x1024", frames(16, 1024)},
    {"echo-1x32", frames(1, 32)},
};

// Streams of one topic, and how many events a turn brings.
struct fan {
    std::string ask;
    std::size_t events;
};
const std::string ask_websocket = upgrade("/quiet-ws?topic=bench.%3E");
const std::string ask_sse = "GET /quiet-events?topic=bench.%3E HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
const std::map<std::string_view, fan> fans = {
    {"fan-ws-1", {ask_websocket, 1}},
    {"fan-ws-16", {ask_websocket, 16}},
    {"fan-sse-1", {ask_sse, 1}},
    {"fan-sse-16", {ask_sse, 16}},
};

char buffer[65536];

class client {
 public:
    client(net::io_context& io, std::uint16_t port)
        : io_(io),
          fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int on = 1;
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fail("connect");
    }
    ~client() { ::close(fd_); }

    /// Until what comes back ends so; `turn` lets the server work.
    void ask(void (*turn)(net::io_context&), const std::string& bytes, std::string_view end) {
        if (::send(fd_, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
            fail("send");
        std::size_t size = 0;
        for (int i = 0; i < 1000; ++i) {
            turn(io_);
            const auto n = ::recv(fd_, buffer + size, sizeof buffer - size, MSG_DONTWAIT);
            if (n > 0) size += static_cast<std::size_t>(n);
            if (n > 0 && std::string_view(buffer, size).ends_with(end)) return check(size);
            wait(i < 8 ? 0 : 10);  // the system may still have to pass it on
        }
        fail("no answer");
    }
    /// Takes what is there; at least so many bytes, which the system may still have to pass on.
    void take(std::size_t least) {
        std::size_t size = 0;
        for (;;) {
            const auto n = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
            if (n > 0) size += static_cast<std::size_t>(n);
            if (n > 0) continue;
            if (size >= least) return;
            if (!wait(10'000)) fail("a stream has not got its events");
        }
    }

 private:
    bool wait(int milliseconds) const {
        pollfd readable{fd_, POLLIN, 0};
        return ::poll(&readable, 1, milliseconds) == 1;
    }
    void check(std::size_t size) const {
        const std::string_view text(buffer, size);
        if (text.starts_with("HTTP/1.1 ") && !text.starts_with("HTTP/1.1 2") &&
            !text.starts_with("HTTP/1.1 101 "))
            fail(buffer);
    }

    net::io_context& io_;
    const int fd_;
};

// The history is full, tables have their size.
constexpr std::size_t warm_up = streams_bench::held + 100;

void run(const work& w, unsigned long times) {
    net::io_context io{1};
    const streams_bench::host host(io);
    client c(io, host.port());
    if (!w.upgrade.empty()) c.ask(warming_up, w.upgrade, "\r\n\r\n");
    for (std::size_t i = 0; i < warm_up; ++i) c.ask(warming_up, w.bytes, w.answer);
    const auto before = allocations;
    for (unsigned long i = 0; i < times; ++i) c.ask(measured, w.bytes, w.answer);
    const auto pieces = times * w.pieces;
    std::printf("pieces: %zu allocations: %zu\n", pieces,
                (allocations - before + pieces / 2) / pieces);
}

void run(const fan& f, unsigned long times, std::size_t streams) {
    net::io_context io{1};
    streams_bench::host host(io);
    std::deque<client> clients;
    const auto take = [&] {
        for (auto& c : clients) c.take(f.events * 128);
    };
    for (std::size_t i = 0; i < streams; ++i)
        clients.emplace_back(io, host.port()).ask(warming_up, f.ask, "");
    host.publish(warm_up);
    for (int i = 0; i < 16; ++i) {
        host.publish(f.events);
        warming_up(io);
        take();
    }
    const auto allocated = allocations;
    const auto sent = sends;
    for (unsigned long i = 0; i < times; ++i) {
        measured(io, host, f.events);
        take();
    }
    if (sends - sent != times * streams) fail("not one send per turn and stream");
    const auto pieces = times * f.events * streams;
    std::printf("pieces: %zu allocations: %zu\n", pieces,
                (allocations - allocated + pieces / 2) / pieces);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view name = argc >= 3 ? argv[1] : "";
    const auto times = argc >= 3 ? std::strtoul(argv[2], nullptr, 10) : 0;
    if (const auto w = works.find(name); w != works.end() && argc == 3) {
        run(w->second, times);
    } else if (const auto f = fans.find(name); f != fans.end() && argc <= 4) {
        run(f->second, times, argc == 4 ? std::strtoul(argv[3], nullptr, 10) : 200);
    } else {
        std::fputs("count WORK TIMES [STREAMS]; the works:", stderr);
        for (const auto& [n, _] : works) std::fprintf(stderr, " %s", std::string(n).c_str());
        for (const auto& [n, _] : fans) std::fprintf(stderr, " %s", std::string(n).c_str());
        std::fputs("\n", stderr);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
