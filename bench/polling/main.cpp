// SPDX-License-Identifier: BSL-1.0
//
// polling: clients of one kind wait for an event a minute; prints how many requests and bytes that
// is, what it costs the server, and how late the events come. Linux. See ../README.md.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../fanout/failure.hpp"
#include "../fanout/frames.hpp"
#include "../fanout/server_process.hpp"

namespace {

using fanout::exit_code;
using fanout::fail_errno;
using fanout::failure;
using steady = std::chrono::steady_clock;
using milliseconds = std::chrono::milliseconds;

constexpr const char* usage =
    "usage: polling poll|long_poll|sse|websocket|webhook SERVER [CLIENTS=1000] [MINUTES=1] "
    "[SECONDS OF A MINUTE=60] [SECONDS BETWEEN POLLS=1]\n";

enum class way { poll, long_poll, sse, websocket, webhook };

struct options {
    way how{};
    std::string name{};
    std::string server{};
    std::size_t clients = 1000;
    std::size_t minutes = 1;
    std::chrono::duration<double> minute{60};
    std::chrono::duration<double> interval{1};
};

/// Of all connections: what a reading is the difference of.
struct totals {
    std::uint64_t requests = 0;  // handshakes, too
    std::uint64_t bytes = 0;     // both ways, without what TCP adds
    std::uint64_t connections = 0;
    std::vector<double> delays_ms{};
};

int make_socket() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail_errno(exit_code::setup, "socket");
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

std::optional<std::string_view> field(std::string_view head, std::string_view name) {
    const auto at = head.find(name);
    if (at == std::string_view::npos) return std::nullopt;
    const auto from = at + name.size();
    return head.substr(from, head.find('\r', from) - from);
}

/// One connection: what it has sent and received is counted.
class peer {
 public:
    peer(int fd, totals& all) : fd_(fd), all_(all) { ++all_.connections; }
    ~peer() { ::close(fd_); }
    peer(const peer&) = delete;
    peer& operator=(const peer&) = delete;

    int fd() const noexcept { return fd_; }
    void send(std::string_view text) {
        if (::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(text.size()))
            fail_errno(exit_code::wrong, "send");
        all_.bytes += text.size();
    }
    /// False when the other side has ended.
    bool receive() {
        std::array<char, 16 * 1024> buffer;
        const auto n = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
        if (n < 0) fail_errno(exit_code::wrong, "recv");
        all_.bytes += static_cast<std::uint64_t>(n);
        pending.append(buffer.data(), static_cast<std::size_t>(n));
        return n != 0;
    }
    /// A whole message of HTTP/1.1 with a Content-Length, taken from `pending`.
    std::optional<std::string> take_message() {
        const auto end = pending.find("\r\n\r\n");
        if (end == std::string::npos) return std::nullopt;
        std::size_t length = 0;
        if (const auto text = field(std::string_view(pending).substr(0, end), "Content-Length: "))
            std::from_chars(text->data(), text->data() + text->size(), length);
        if (pending.size() < end + 4 + length) return std::nullopt;
        auto message = pending.substr(0, end + 4 + length);
        pending.erase(0, end + 4 + length);
        return message;
    }

    std::string pending{};
    std::string position{};     // of one that polls
    steady::time_point due{};   // its next poll
    bool waits = false;         // for an answer
    std::size_t events_of = 0;  // of the event that is expected

 private:
    int fd_;
    totals& all_;
};

class bench {
 public:
    explicit bench(options o) : options_(std::move(o)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
        std::vector<std::string> words{options_.server, "0"};
        if (options_.how == way::webhook) {
            listen();
            words.push_back(std::to_string(options_.clients));
            words.push_back(std::to_string(hook_port_));
        }
        std::vector<char*> arguments;
        for (auto& w : words) arguments.push_back(w.data());
        arguments.push_back(nullptr);
        server_.emplace(arguments.data(), false);
        publisher_ = std::make_unique<peer>(connect(), uncounted_);
        if (options_.how == way::webhook) return;
        for (std::size_t i = 0; i < options_.clients; ++i) add(connect());
        for (auto& p : peers_) begin(*p);
    }
    ~bench() { ::close(epoll_); }
    bench(const bench&) = delete;
    bench& operator=(const bench&) = delete;

    void run() {
        run_for(options_.minute / 10);
        publish();  // so that each has its connections, and a position
        run_for(options_.minute / 4);
        if (got_ < options_.clients)
            throw failure{exit_code::timeout, "the first event is missing"};
        const auto before = all_;
        all_.delays_ms.clear();
        const auto cpu = server_->cpu().total_ns;
        for (std::size_t i = 0; i < options_.minutes; ++i) {
            run_for(options_.minute / 2);
            publish();
            run_for(options_.minute / 2);
            if (got_ != options_.clients)
                throw failure{exit_code::wrong, std::to_string(got_) + " events of " +
                                                    std::to_string(options_.clients) + " came"};
        }
        print(before, server_->cpu().total_ns - cpu);
    }

 private:
    int connect() {
        const int fd = make_socket();
        const auto address = loopback(server_->port());
        if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            fail_errno(exit_code::setup, "connect");
        return fd;
    }
    void listen() {
        listener_ = make_socket();
        auto address = loopback(0);
        socklen_t size = sizeof address;
        if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
            ::listen(listener_, 4096) != 0 ||
            ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            fail_errno(exit_code::setup, "listen");
        hook_port_ = ntohs(address.sin_port);
        watch(listener_, nullptr);
    }
    void watch(int fd, peer* p) {
        epoll_event event{.events = EPOLLIN, .data = {.ptr = p}};
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0)
            fail_errno(exit_code::setup, "epoll_ctl");
    }
    void add(int fd) {
        peers_.push_back(std::make_unique<peer>(fd, all_));
        watch(fd, peers_.back().get());
    }

    void begin(peer& p) {
        static const std::string host = " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
        if (options_.how == way::sse || options_.how == way::websocket) {
            ++all_.requests;
            if (options_.how == way::sse)
                return p.send("GET /events?topic=bench.event" + host + "\r\n");
            return p.send("GET /ws?topic=bench.event" + host +
                          "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                          "Sec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                          "Sec-WebSocket-Protocol: cloudevents.json\r\n\r\n");
        }
        // Polls are spread over the interval.
        const auto index = static_cast<double>(started_++) / static_cast<double>(options_.clients);
        p.due =
            steady::now() + std::chrono::duration_cast<steady::duration>(options_.interval * index);
        if (options_.how == way::long_poll) ask(p);
    }
    void ask(peer& p) {
        ++all_.requests;
        p.waits = true;
        p.send("GET /topics/bench.event?after=" + p.position +
               (options_.how == way::long_poll ? "&wait=60s" : "") +
               " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    }

    void publish() {
        got_ = 0;
        ++event_;
        const auto now = steady::now().time_since_epoch().count();
        const std::string body = "{\"event\":" + std::to_string(event_) +
                                 ",\"at\":" + std::to_string(now) + ",\"text\":\"" +
                                 std::string(64, 'x') + "\"}";
        publisher_->send(
            "POST /topics/bench.event HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
            "application/json\r\nContent-Length: " +
            std::to_string(body.size()) + "\r\n\r\n" + body);
    }

    /// What came to one client, if it holds the event that is expected.
    void look(peer& p, std::string_view text) {
        const auto at = text.find("\"at\":");
        if (at == std::string_view::npos) return;
        std::int64_t sent = 0;
        std::from_chars(text.data() + at + 5, text.data() + text.size(), sent);
        const auto now = steady::now().time_since_epoch().count();
        all_.delays_ms.push_back(static_cast<double>(now - sent) / 1e6);
        if (options_.how != way::webhook && p.events_of++ >= event_)
            throw failure{exit_code::wrong, "an event came twice"};
        ++got_;
    }
    /// Behind the answer to the handshake, which is as a message without a body.
    void read_frames_of(peer& p) {
        if (p.pending.starts_with("HTTP/1.1 101") && !p.take_message()) return;
        const auto used =
            fanout::read_frames(p.pending, [&](fanout::opcode kind, std::string_view payload) {
                look(p, payload);
                if (kind != fanout::opcode::ping) return;
                std::string pong;
                fanout::append_frame(pong, fanout::opcode::pong, payload, 0x2a5bc6d3);
                p.send(pong);
            });
        p.pending.erase(0, used);
    }
    void on_readable(peer& p) {
        if (!p.receive()) {
            if (options_.how != way::webhook)
                throw failure{exit_code::wrong, "the server ended a connection"};
            ::epoll_ctl(epoll_, EPOLL_CTL_DEL, p.fd(), nullptr);
            return;
        }
        if (options_.how == way::websocket) return read_frames_of(p);
        if (options_.how == way::sse) {
            const auto at = p.pending.find("\"at\":");
            const auto whole =
                at != std::string::npos && p.pending.find('}', at) != std::string::npos;
            if (whole) look(p, p.pending);
            if (whole || at == std::string::npos) p.pending.clear();
            return;
        }
        while (const auto message = p.take_message()) {
            look(p, *message);
            if (options_.how == way::webhook) {
                ++all_.requests;
                p.send("HTTP/1.1 204 No Content\r\n\r\n");
                continue;
            }
            if (!message->starts_with("HTTP/1.1 200"))
                throw failure{exit_code::wrong, "the server answered " + message->substr(0, 60)};
            p.waits = false;
            if (const auto next = field(*message, "Tidings-Position: ")) p.position = *next;
            if (options_.how == way::long_poll) ask(p);
        }
    }

    void run_for(std::chrono::duration<double> time) {
        const auto end = steady::now() + std::chrono::duration_cast<steady::duration>(time);
        while (steady::now() < end) {
            const auto next = std::min(end, poll_due());
            const auto left = std::chrono::ceil<milliseconds>(next - steady::now()).count();
            std::array<epoll_event, 256> events;
            const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()),
                                           static_cast<int>(std::max<std::int64_t>(left, 0)));
            if (count < 0 && errno != EINTR) fail_errno(exit_code::setup, "epoll_wait");
            for (int i = 0; i < count; ++i) {
                auto* const p = static_cast<peer*>(events[static_cast<std::size_t>(i)].data.ptr);
                if (p != nullptr)
                    on_readable(*p);
                else
                    add(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
            }
        }
    }
    /// Asks for those whose time has come; when the next has it.
    steady::time_point poll_due() {
        auto next = steady::time_point::max();
        if (options_.how != way::poll) return next;
        const auto now = steady::now();
        for (auto& p : peers_) {
            if (p->due <= now) {
                p->due += std::chrono::duration_cast<steady::duration>(options_.interval);
                if (!p->waits) ask(*p);  // one that is late skips its turn
            }
            next = std::min(next, p->due);
        }
        return next;
    }

    void print(const totals& before, std::uint64_t cpu_ns) {
        auto& delays = all_.delays_ms;
        std::sort(delays.begin(), delays.end());
        const auto at = [&](double part) {
            return delays[std::min(
                delays.size() - 1,
                static_cast<std::size_t>(part * static_cast<double>(delays.size())))];
        };
        const auto minutes = static_cast<double>(options_.minutes);
        std::printf(
            "way=%s clients=%zu minute_s=%.1f minutes=%zu requests=%.0f bytes=%.0f cpu_ms=%.1f "
            "delay_median_ms=%.1f delay_99_ms=%.1f resident_kib=%llu\n",
            options_.name.c_str(), options_.clients, options_.minute.count(), options_.minutes,
            static_cast<double>(all_.requests - before.requests) / minutes,
            static_cast<double>(all_.bytes - before.bytes) / minutes,
            static_cast<double>(cpu_ns) / 1e6 / minutes, at(0.5), at(0.99),
            static_cast<unsigned long long>(server_->resident_kib()));
    }

    options options_;
    totals all_{};
    totals uncounted_{};
    int epoll_;
    int listener_ = -1;
    std::uint16_t hook_port_ = 0;
    std::optional<fanout::server_process> server_{};
    std::unique_ptr<peer> publisher_{};
    std::vector<std::unique_ptr<peer>> peers_{};
    std::size_t started_ = 0;
    std::size_t event_ = 0;
    std::size_t got_ = 0;
};

double number(const char* text) {
    double value = 0;
    const std::string_view all = text;
    const auto [end, ec] = std::from_chars(all.data(), all.data() + all.size(), value);
    if (ec != std::errc() || end != all.data() + all.size() || value <= 0)
        throw failure{exit_code::usage, usage};
    return value;
}

options read_options(int count, char** arguments) {
    if (count < 3 || count > 7) throw failure{exit_code::usage, usage};
    options o{.name = arguments[1], .server = arguments[2]};
    const std::array<std::string_view, 5> ways{"poll", "long_poll", "sse", "websocket", "webhook"};
    const auto found = std::find(ways.begin(), ways.end(), o.name);
    if (found == ways.end()) throw failure{exit_code::usage, usage};
    o.how = static_cast<way>(found - ways.begin());
    if (count > 3) o.clients = static_cast<std::size_t>(number(arguments[3]));
    if (count > 4) o.minutes = static_cast<std::size_t>(number(arguments[4]));
    if (count > 5) o.minute = std::chrono::duration<double>(number(arguments[5]));
    if (count > 6) o.interval = std::chrono::duration<double>(number(arguments[6]));
    if (o.how == way::poll && count > 6) o.name += std::string("_") + arguments[6] + 's';
    return o;
}

}  // namespace

int main(int count, char** arguments) {
    try {
        auto o = read_options(count, arguments);
        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
        bench(std::move(o)).run();
        return 0;
    } catch (const failure& failed) {
        std::fprintf(stderr, "polling: %s\n", failed.what());
        return static_cast<int>(failed.code);
    }
}
