// SPDX-License-Identifier: BSL-1.0
//
// Starts a server and asks it for one kind of work: POSTs, echoed WebSocket messages, or streams
// that are idle. Prints what a piece of it cost the server. What the works are: ../README.md.
//
//     streams_load WORK [PIECES] -- program 0

#include "../fanout/connection.hpp"
#include "../fanout/failure.hpp"
#include "../fanout/frames.hpp"
#include "../fanout/server_process.hpp"

#include <sys/epoll.h>
#include <sys/resource.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace {

using fanout::exit_code;
using fanout::fail_errno;
using fanout::failure;
using fanout::protocol;

constexpr std::size_t at_once = 64;  // connections that ask

struct work {
    std::string_view path;
    std::size_t deep = 1;    // messages that are sent together
    std::size_t bytes = 0;   // of a message; 0: a POST
    bool idle = false;       // nothing is sent
    std::size_t pieces = 0;  // where nothing else is said
};

const std::map<std::string_view, work> works = {
    {"post-service", {.path = "/topics/bench.load", .pieces = 60'000}},
    {"post-function", {.path = "/plain", .pieces = 60'000}},
    {"echo-16x32", {.path = "/echo", .deep = 16, .bytes = 32, .pieces = 1'000'000}},
    {"echo-16x1024", {.path = "/echo", .deep = 16, .bytes = 1024, .pieces = 500'000}},
    {"echo-1x32", {.path = "/echo", .bytes = 32, .pieces = 100'000}},
    {"idle-ws", {.path = "/ws?topic=bench.>", .idle = true, .pieces = 12'000}},
    {"idle-sse", {.path = "/events?topic=bench.>", .idle = true, .pieces = 12'000}},
};

void allow_descriptors(std::size_t wanted) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < wanted)
        throw failure{exit_code::usage, "too few file descriptors (see ulimit -Hn)"};
}

std::string post(std::string_view path) {
    constexpr std::string_view before = R"({"order":42,"state":"paid","note":")";
    constexpr std::string_view after = R"("})";
    constexpr std::size_t size = 128;
    std::string text = "POST " + std::string{path} +
                       " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                       "Content-Length: 128\r\n\r\n";
    return text.append(before).append(size - before.size() - after.size(), 'x').append(after);
}

std::string frames(const work& w) {
    std::string out;
    for (std::size_t i = 0; i < w.deep; ++i)
        fanout::append_frame(out, fanout::opcode::text, std::string(w.bytes, 'x'), 0x2a5bc6d3);
    return out;
}

/// A connection that speaks HTTP, or has spoken it.
class client {
 public:
    explicit client(std::uint16_t port) : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        const int on = 1;
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
            fail_errno(exit_code::setup, "connect");
    }
    client(client&& o) noexcept : fd_{std::exchange(o.fd_, -1)}, came_{std::move(o.came_)} {}
    ~client() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int fd() const noexcept { return fd_; }

    void send(std::string_view bytes) const {
        if (::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(bytes.size()))
            fail_errno(exit_code::wrong, "send");
    }
    void receive() {
        static std::array<char, 65536> buffer;
        const auto n = ::recv(fd_, buffer.data(), buffer.size(), 0);
        if (n <= 0) throw failure{exit_code::wrong, "the server ended a connection"};
        came_.append(buffer.data(), static_cast<std::size_t>(n));
    }
    /// The body of an answer that has come, and is taken away.
    bool take_answer(std::string& body) {
        const auto end = came_.find("\r\n\r\n");
        if (end == std::string::npos) return false;
        if (!came_.starts_with("HTTP/1.1 2") && !came_.starts_with("HTTP/1.1 101"))
            throw failure{exit_code::wrong, "the server answered " + came_.substr(0, end)};
        std::size_t length = 0;
        for (const std::string_view name : {"\r\nContent-Length: ", "\r\ncontent-length: "})
            if (const auto at = came_.find(name); at < end)
                std::from_chars(came_.data() + at + name.size(), came_.data() + end, length);
        if (came_.size() < end + 4 + length) return false;
        body = came_.substr(end + 4, length);
        came_.erase(0, end + 4 + length);
        return true;
    }
    /// So many echoed messages.
    bool take_frames(std::size_t count) {
        std::size_t whole = 0;
        fanout::read_frames(came_, [&](fanout::opcode, std::string_view) { ++whole; });
        if (whole < count) return false;
        came_.clear();
        return true;
    }

 private:
    int fd_;
    std::string came_{};
};

class load {
 public:
    load(const work& w, std::size_t pieces, char** server)
        : work_{w},
          pieces_{pieces},
          server_{server, false} {}

    void run(std::string_view name) {
        std::printf("work=%s ", std::string{name}.c_str());
        if (work_.idle) return rest();
        bytes_ = work_.bytes == 0 ? post(work_.path) : frames(work_);
        for (std::size_t i = 0; i < at_once; ++i) clients_.push_back(connect());
        ask(pieces_ / 10);
        const auto before = server_.cpu().total_ns;
        ask(pieces_);
        std::printf("pieces=%zu cpu_us=%.4f\n", pieces_,
                    static_cast<double>(server_.cpu().total_ns - before) / 1000 /
                        static_cast<double>(pieces_));
    }

 private:
    client connect() const {
        client c{server_.port()};
        if (work_.bytes == 0) return c;
        c.send("GET " + std::string{work_.path} +
               " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
               "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        for (std::string body; !c.take_answer(body);) c.receive();
        return c;
    }

    // Every connection has one request, or so many messages, under way.
    void ask(std::size_t pieces) {
        const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
        for (std::size_t i = 0; i < clients_.size(); ++i) {
            epoll_event e{.events = EPOLLIN, .data = {.u64 = i}};
            ::epoll_ctl(epoll, EPOLL_CTL_ADD, clients_[i].fd(), &e);
            clients_[i].send(bytes_);
        }
        std::size_t under_way = clients_.size();
        std::size_t left = pieces / work_.deep;
        std::string body;
        while (under_way != 0) {
            std::array<epoll_event, at_once> ready{};
            const int n = ::epoll_wait(epoll, ready.data(), at_once, 10'000);
            if (n <= 0) throw failure{exit_code::timeout, "an answer is missing"};
            for (int i = 0; i < n; ++i) {
                auto& c = clients_[ready[static_cast<std::size_t>(i)].data.u64];
                c.receive();
                if (!(work_.bytes == 0 ? c.take_answer(body) : c.take_frames(work_.deep))) continue;
                --under_way;
                if (left <= clients_.size()) continue;
                --left;
                ++under_way;
                c.send(bytes_);
            }
        }
        ::close(epoll);
    }

    // What the first connections bring, as tables and buffers, stays out of it.
    void rest() {
        const auto spoken =
            work_.path.starts_with("/ws") ? protocol::websocket : protocol::event_stream;
        const auto first = pieces_ / 10;
        const auto open = [&](std::size_t until) {
            while (streams_.size() < until)
                streams_.emplace_back(server_.port(), streams_.size(), spoken,
                                      std::string{work_.path});
        };
        streams_.reserve(pieces_);
        open(first);
        const auto heap = heap_in_use();
        const auto resident = server_.resident();
        open(pieces_);
        const auto each = [&](std::uint64_t from, std::uint64_t to) {
            return (to - from) / (pieces_ - first);
        };
        const auto heap_each = each(heap, heap_in_use());
        std::printf("pieces=%zu heap=%llu resident=%llu\n", pieces_,
                    static_cast<unsigned long long>(heap_each),
                    static_cast<unsigned long long>(each(resident, server_.resident())));
    }

    // 0 where the server does not say.
    std::uint64_t heap_in_use() const {
        client c{server_.port()};
        c.send("GET /memory HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        std::string body;
        while (!c.take_answer(body)) c.receive();
        return std::strtoull(body.c_str(), nullptr, 10);
    }

    const work& work_;
    const std::size_t pieces_;
    fanout::server_process server_;
    std::string bytes_{};
    std::vector<client> clients_{};
    std::vector<fanout::connection> streams_{};
};

}  // namespace

int main(int argc, char** argv) {
    try {
        const auto found = argc > 3 ? works.find(argv[1]) : works.end();
        const bool counted = argc > 4 && std::string_view{argv[3]} == "--";
        if (found == works.end() || (!counted && std::string_view{argv[2]} != "--"))
            throw failure{exit_code::usage, "streams_load WORK [PIECES] -- program 0"};
        const auto& w = found->second;
        const auto pieces = counted ? std::strtoull(argv[2], nullptr, 10) : w.pieces;
        if (pieces < 20 * at_once) throw failure{exit_code::usage, "too few pieces"};
        allow_descriptors(w.idle ? pieces + 64 : 4 * at_once);
        load{w, pieces, argv + (counted ? 4 : 3)}.run(found->first);
    } catch (const failure& f) {
        std::fprintf(stderr, "streams_load: %s\n", f.what());
        return static_cast<int>(f.code);
    }
}
