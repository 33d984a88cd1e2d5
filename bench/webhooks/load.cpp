// SPDX-License-Identifier: BSL-1.0
//
// The targets of a sender of webhooks: starts it, answers what it sends, checks that each message
// came once, whole and signed, and prints what a delivery cost the sender. See ../README.md.
//
//     webhooks_load CASE [MESSAGES] -- PROGRAM
//
// PROGRAM gets `CONNECTIONS MESSAGES PORT...`, and prints `sending 1` before it begins.

#include "../fanout/failure.hpp"
#include "../fanout/server_process.hpp"
#include "message.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using fanout::exit_code;
using fanout::fail_errno;
using fanout::failure;
using steady = std::chrono::steady_clock;

constexpr std::size_t warmup = 2'000;
constexpr std::size_t check_every = 64;  // signatures; each costs what a delivery costs
constexpr std::chrono::seconds longest{120};

struct shape {
    std::size_t origins;
    std::size_t connections;  // of each
};

shape shape_of(std::string_view name) {
    if (name == "one-origin") return {1, 64};
    if (name == "many-origins") return {64, 1};
    throw failure{exit_code::usage, "no such case: " + std::string{name}};
}

struct listener {
    listener() : fd{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
            ::listen(fd, 128) != 0 ||
            ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            fail_errno(exit_code::setup, "listen");
        port = ntohs(address.sin_port);
    }
    int fd;
    std::uint16_t port = 0;
};

/// The value of a field of a request's head, whose names are in any case.
std::string_view field(std::string_view head, std::string_view name) {
    const auto same = [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) == b;
    };
    for (std::size_t at = head.find("\r\n"); at != std::string_view::npos;
         at = head.find("\r\n", at + 2)) {
        const auto line = head.substr(at + 2);
        if (line.size() <= name.size() || line[name.size()] != ':' ||
            !std::equal(name.begin(), name.end(), line.begin(),
                        [&](char b, char a) { return same(a, b); }))
            continue;
        auto value = line.substr(name.size() + 1, line.find("\r\n") - name.size() - 1);
        while (value.starts_with(' ')) value.remove_prefix(1);
        return value;
    }
    throw failure{exit_code::wrong, "a request without " + std::string{name}};
}

class targets {
 public:
    targets(const shape& s, std::size_t messages, const char* program)
        : messages_{messages},
          seen_(warmup + messages),
          listeners_(s.origins),
          epoll_{::epoll_create1(EPOLL_CLOEXEC)} {
        if (epoll_ < 0) fail_errno(exit_code::setup, "epoll_create1");
        for (const auto& l : listeners_) watch(l.fd);
        arguments_ = {program, std::to_string(s.connections), std::to_string(warmup + messages)};
        for (const auto& l : listeners_) arguments_.push_back(std::to_string(l.port));
        std::vector<char*> words;
        for (auto& a : arguments_) words.push_back(a.data());
        words.push_back(nullptr);
        sender_ = std::make_unique<fanout::server_process>(words.data(), false, "sending ");
    }

    void run() {
        const auto deadline = steady::now() + longest;
        std::array<epoll_event, 128> events;
        while (came_ < warmup + messages_) {
            if (steady::now() > deadline)
                throw failure{exit_code::timeout, std::to_string(came_) + " messages came"};
            const int count = ::epoll_wait(epoll_, events.data(), events.size(), 1000);
            for (int i = 0; i < count; ++i) ready(events[static_cast<std::size_t>(i)].data.fd);
        }
    }

 private:
    void watch(int fd) const {
        epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0)
            fail_errno(exit_code::setup, "epoll_ctl");
    }

    void ready(int fd) {
        const auto at = connections_.find(fd);
        if (at == connections_.end()) {
            const int peer = ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
            if (peer < 0) return;
            const int on = 1;
            ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            connections_.emplace(peer, std::string{});
            ++accepted_;
            return watch(peer);
        }
        static std::array<char, 65536> buffer;
        const auto n = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            ::close(fd);
            connections_.erase(at);
            return;
        }
        auto& in = at->second;
        in.append(buffer.data(), static_cast<std::size_t>(n));
        const auto end = in.find("\r\n\r\n");
        if (end == std::string::npos || in.size() < end + 4 + webhooks::body_bytes) return;
        take(std::string_view{in}.substr(0, end + 2), std::string_view{in}.substr(end + 4));
        in.clear();
        constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        if (::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0)
            fail_errno(exit_code::wrong, "send");
    }

    void take(std::string_view head, std::string_view body) {
        const auto number = webhooks::number_of(body);
        if (!number || *number >= seen_.size() || seen_[*number])
            throw failure{exit_code::wrong, "no message that was due: " + std::string{body}};
        seen_[*number] = true;
        const auto id = field(head, "webhook-id");
        const auto time = field(head, "webhook-timestamp");
        const auto signature = field(head, "webhook-signature");
        if (*number % check_every == 0 && signer_.sign(id, time, body) != signature)
            throw failure{exit_code::wrong, "a wrong signature"};
        // Before the answer, while the sender cannot go on.
        ++came_;
        if (came_ == warmup) {
            before_ = sender_->cpu();
            segments_before_ = segments();
            began_ = steady::now();
        }
        if (came_ == warmup + messages_) print();
    }

    /// TCP segments with data that came on all connections: on loopback one for each send.
    std::uint64_t segments() const {
        std::uint64_t all = 0;
        for (const auto& [fd, in] : connections_) {
            tcp_info info{};
            socklen_t size = sizeof info;
            ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size);
            all += info.tcpi_data_segs_in;
        }
        return all;
    }

    void print() const {
        const auto after = sender_->cpu();
        const double pieces = static_cast<double>(messages_);
        std::printf(
            "deliveries=%zu cpu_us=%.3f segments=%.3f connections=%zu wall_s=%.3f "
            "resident_kib=%llu\n",
            messages_, static_cast<double>(after.total_ns - before_.total_ns) / pieces / 1e3,
            static_cast<double>(segments() - segments_before_) / pieces, accepted_,
            std::chrono::duration<double>(steady::now() - began_).count(),
            static_cast<unsigned long long>(sender_->resident_kib()));
    }

    const std::size_t messages_;
    std::vector<bool> seen_;
    std::vector<listener> listeners_;
    int epoll_;
    std::vector<std::string> arguments_{};
    std::unique_ptr<fanout::server_process> sender_{};
    std::map<int, std::string> connections_{};
    webhooks::signer signer_{};
    std::size_t came_ = 0, accepted_ = 0;
    fanout::server_process::cpu_time before_{};
    std::uint64_t segments_before_ = 0;
    steady::time_point began_{};
};

}  // namespace

int main(int argc, char** argv) {
    try {
        std::size_t messages = 40'000;
        int at = 2;
        if (argc > at && std::string_view{argv[at]} != "--")
            messages = std::strtoul(argv[at++], nullptr, 10);
        if (argc != at + 2 || std::string_view{argv[at]} != "--" || messages == 0)
            throw failure{exit_code::usage, "usage: webhooks_load CASE [MESSAGES] -- PROGRAM"};
        targets{shape_of(argv[1]), messages, argv[at + 1]}.run();
        return 0;
    } catch (const failure& f) {
        std::fprintf(stderr, "webhooks_load: %s\n", f.what());
        return static_cast<int>(f.code);
    }
}
