// SPDX-License-Identifier: BSL-1.0
//
// What a sender of webhooks does of one kind of work again and again, for callgrind: what
// `measured` takes is the figure, from the publication to the answer. The targets, in this thread
// too, are outside of it. Prints how often a clock was read, how many handlers the context ran, and
// how many allocations were made per delivery, and fails where one took more than one send.
//
//     valgrind --tool=callgrind --toggle-collect='*measured*' webhooks_count WORK TIMES

#include "message.hpp"

#include <tidings/bus.hpp>
#include <tidings/webhook/sender.hpp>

#include <boost/asio/io_context.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace net = boost::asio;

std::size_t allocations = 0;
std::size_t sends = 0;
std::size_t clocks = 0;  // readings

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
extern "C" [[gnu::visibility("default")]] int clock_gettime(clockid_t clock,
                                                            timespec* time) noexcept {
    ++clocks;
    return static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
}

namespace {

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "webhooks_count: %s\n", what);
    std::exit(EXIT_FAILURE);
}

void wait_for(int descriptor) {
    pollfd readable{descriptor, POLLIN, 0};
    if (::poll(&readable, 1, 10'000) != 1) fail("nothing comes");
}

/// One target, and its connections. A sender that is done with one keeps it open.
class target {
 public:
    target() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
            ::listen(fd_, 128) != 0 ||
            ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            fail("listen");
        port_ = ntohs(address.sin_port);
    }
    target(const target&) = delete;
    target& operator=(const target&) = delete;
    ~target() {
        for (const int fd : connections_) ::close(fd);
        ::close(fd_);
    }

    std::uint16_t port() const noexcept { return port_; }
    /// Takes what has come and answers it. How many that were.
    std::size_t answer() {
        for (int fd = accept(); fd >= 0; fd = accept()) connections_.push_back(fd);
        std::size_t answered = 0;
        for (const int fd : connections_) answered += take(fd) ? 1 : 0;
        return answered;
    }

 private:
    int accept() const {
        const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        const int on = 1;
        if (fd >= 0) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        return fd;
    }
    static bool take(int fd) {
        static char buffer[65536];
        std::size_t size = 0;
        for (;;) {
            const auto n = ::recv(fd, buffer + size, sizeof buffer - size, 0);
            if (n > 0) size += static_cast<std::size_t>(n);
            if (n <= 0 && size == 0) return false;
            const auto end = std::string_view(buffer, size).find("\r\n\r\n");
            if (end != std::string_view::npos && size == end + 4 + webhooks::body_bytes) break;
            wait_for(fd);
        }
        constexpr std::string_view text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        if (::sendto(fd, text.data(), text.size(), 0, nullptr, 0) < 0) fail("answer");
        return true;
    }

    const int fd_;
    std::uint16_t port_ = 0;
    std::vector<int> connections_{};
};

/// Events of a turn go to endpoints in turn, or each to all.
struct work {
    std::size_t endpoints;
    std::size_t events;
    bool to_all = false;
    std::size_t deliveries() const noexcept { return to_all ? events * endpoints : events; }
};
const std::map<std::string_view, work> works = {
    {"webhook-1", {1, 1}},
    {"webhook-64", {1, 64}},
    {"webhook-1x64", {64, 64}},
    {"webhook-fan-64", {64, 1, true}},
};

class host {
 public:
    host(net::io_context& io, const work& w) : work_(w), targets_(w.endpoints), hub_(io) {
        tidings::webhook::sender_options options;
        options.guard = {.allow_loopback = true, .schemes = {"http"}};
        options.log = [](const tidings::log_record& r) {
            std::fprintf(stderr, "%.*s\n", static_cast<int>(r.message.size()), r.message.data());
        };
        options.on_attempt = [this](const tidings::webhook::attempt& a) {
            if (a.result != tidings::webhook::verdict::success) fail("not delivered");
            ++done_;
        };
        sender_ = std::make_unique<tidings::webhook::sender>(io, std::move(options));
        for (const auto& t : targets_) {
            topics_.push_back(w.to_all ? "bench.all" : "bench." + std::to_string(t.port()));
            hooks_.push_back(hub_.subscribe(
                topics_.back(),
                sender_->endpoint({.url = "http://127.0.0.1:" + std::to_string(t.port()) + "/hook",
                                   .secret = std::string(webhooks::secret),
                                   .max_in_flight = w.events})));
        }
    }

    void publish() {
        for (std::size_t i = 0; i < work_.events; ++i)
            hub_.publish(topics_[i % topics_.size()],
                         tidings::event("bench.order", "/bench", text_, "application/json"));
    }
    /// How many requests had come.
    std::size_t answer() {
        std::size_t answered = 0;
        for (auto& t : targets_) answered += t.answer();
        return answered;
    }
    std::size_t done() const noexcept { return done_; }

 private:
    const work work_;
    const std::string text_ = webhooks::body(0);
    std::deque<target> targets_;
    tidings::bus hub_;
    std::unique_ptr<tidings::webhook::sender> sender_;
    std::vector<std::string> topics_{};
    std::vector<tidings::subscription> hooks_{};
    std::size_t done_ = 0;
};

std::size_t work_off(net::io_context& io) {
    io.restart();
    return io.poll();
}

}  // namespace

[[gnu::noinline]] std::size_t measured(net::io_context& io) {
    return work_off(io);
}
[[gnu::noinline]] std::size_t measured(net::io_context& io, host& h) {
    h.publish();
    return work_off(io);
}
// Not the same functions by another name, which a compiler would make one.
std::size_t turns_before = 0;
[[gnu::noinline]] std::size_t warming_up(net::io_context& io) {
    ++turns_before;
    return work_off(io);
}
[[gnu::noinline]] std::size_t warming_up(net::io_context& io, host& h) {
    ++turns_before;
    h.publish();
    return work_off(io);
}

namespace {

/// Publishes, and answers until all of it is delivered. How many handlers the context ran.
template <class Begin, class GoOn>
std::size_t turn(host& h, std::size_t deliveries, Begin begin, GoOn go_on) {
    const auto until = h.done() + deliveries;
    auto handlers = begin();
    for (int i = 0; h.done() < until; ++i) {
        if (h.answer() == 0 && i > 8) ::usleep(1000);  // the system may still have to pass it on
        if (i > 10'000) fail("not everything is delivered");
        handlers += go_on();
    }
    return handlers;
}

void run(const work& w, unsigned long times) {
    constexpr int warm_up = 50;  // everything is connected, and tables have their size
    net::io_context io{1};
    host h(io, w);
    for (int i = 0; i < warm_up; ++i)
        turn(
            h, w.deliveries(), [&] { return warming_up(io, h); }, [&] { return warming_up(io); });
    const auto allocated = allocations;
    const auto sent = sends;
    const auto read = clocks;
    std::size_t handlers = 0;
    for (unsigned long i = 0; i < times; ++i)
        handlers += turn(
            h, w.deliveries(), [&] { return measured(io, h); }, [&] { return measured(io); });
    const auto pieces = times * w.deliveries();
    if (sends - sent != pieces) fail("not one send per delivery");
    const auto each = [&](std::size_t all) { return (all + pieces / 2) / pieces; };
    std::printf("pieces: %zu clocks: %zu handlers: %zu allocations: %zu\n", pieces,
                each(clocks - read), each(handlers), each(allocations - allocated));
}

}  // namespace

int main(int argc, char** argv) {
    const auto w = argc == 3 ? works.find(argv[1]) : works.end();
    if (w == works.end()) {
        std::fputs("webhooks_count WORK TIMES; the works:", stderr);
        for (const auto& [name, _] : works) std::fprintf(stderr, " %s", std::string(name).c_str());
        std::fputs("\n", stderr);
        return EXIT_FAILURE;
    }
    run(w->second, std::strtoul(argv[2], nullptr, 10));
    return EXIT_SUCCESS;
}
