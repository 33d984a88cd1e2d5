// SPDX-License-Identifier: BSL-1.0
//
// What a server does of one kind of work again and again, for callgrind: what `measured` takes is
// the figure. The client's side, in this thread too, is outside of it. Prints how many allocations
// were made per piece of work.
//
//     valgrind --tool=callgrind --toggle-collect='measured*' count WORK TIMES

#include "host.hpp"

#include "../fanout/frames.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <new>
#include <string>
#include <string_view>

namespace {

namespace net = boost::asio;

std::size_t allocations = 0;

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

[[gnu::noinline]] void measured(net::io_context& io) {
    io.restart();
    io.poll();
}
[[gnu::noinline]] void warming_up(net::io_context& io) {
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

work frames(std::size_t pieces, std::size_t size) {
    work w;
    w.upgrade =
        "GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
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
            const auto n = ::recv(fd_, buffer_ + size, sizeof buffer_ - size, MSG_DONTWAIT);
            if (n > 0) size += static_cast<std::size_t>(n);
            if (n > 0 && std::string_view(buffer_, size).ends_with(end)) return check(size);
        }
        fail("no answer");
    }

 private:
    void check(std::size_t size) const {
        const std::string_view text(buffer_, size);
        if (text.starts_with("HTTP/1.1 ") && !text.starts_with("HTTP/1.1 202 ") &&
            !text.starts_with("HTTP/1.1 101 "))
            fail(buffer_);
    }

    net::io_context& io_;
    const int fd_;
    char buffer_[65536]{};
};

}  // namespace

int main(int argc, char** argv) {
    const auto found = argc == 3 ? works.find(argv[1]) : works.end();
    if (found == works.end()) {
        std::fputs("count WORK TIMES; the works:", stderr);
        for (const auto& [name, w] : works) std::fprintf(stderr, " %s", std::string(name).c_str());
        std::fputs("\n", stderr);
        return EXIT_FAILURE;
    }
    const auto& w = found->second;
    const auto times = std::strtoul(argv[2], nullptr, 10);
    net::io_context io{1};
    const streams_bench::host host(io);
    client c(io, host.port());
    if (!w.upgrade.empty()) c.ask(warming_up, w.upgrade, "\r\n\r\n");
    // The history is full, tables have their size.
    for (std::size_t i = 0; i < streams_bench::held + 100; ++i)
        c.ask(warming_up, w.bytes, w.answer);
    const auto before = allocations;
    for (unsigned long i = 0; i < times; ++i) c.ask(measured, w.bytes, w.answer);
    const auto pieces = times * w.pieces;
    std::printf("pieces: %zu allocations: %zu\n", pieces,
                (allocations - before + pieces / 2) / pieces);
}
