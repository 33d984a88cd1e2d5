// SPDX-License-Identifier: BSL-1.0
//
// Posts signed webhooks to a receiver over 64 connections, each under an id of its own, and prints
// what one cost the receiver. See ../README.md.
//
//     webhooks_post [MESSAGES] -- PROGRAM ...

#include "../fanout/failure.hpp"
#include "../fanout/server_process.hpp"
#include "loopback.hpp"
#include "message.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

namespace {

using fanout::exit_code;
using fanout::fail_errno;
using fanout::failure;

constexpr std::size_t at_once = 64;
constexpr std::size_t warmup = 2'000;

class poster {
 public:
    poster(std::size_t messages, char** program) : messages_{messages}, receiver_{program, false} {
        poll_ = ::epoll_create1(EPOLL_CLOEXEC);
        for (std::size_t i = 0; i < at_once; ++i) {
            const int fd = webhooks::connect_to(receiver_.port());
            if (fd < 0) fail_errno(exit_code::setup, "connect");
            epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
            if (::epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event) != 0)
                fail_errno(exit_code::setup, "epoll_ctl");
            fds_.push_back(fd);
        }
    }

    void run() {
        post(warmup);
        const auto before = receiver_.cpu();
        post(messages_);
        const auto after = receiver_.cpu();
        std::printf("deliveries=%zu cpu_us=%.3f\n", messages_,
                    static_cast<double>(after.total_ns - before.total_ns) /
                        static_cast<double>(messages_) / 1e3);
    }

 private:
    void post(std::size_t count) {
        std::size_t sent = 0, answered = 0;
        for (const int fd : fds_)
            if (sent < count) send(fd), ++sent;
        std::array<epoll_event, at_once> events;
        std::array<char, 4096> answer;
        while (answered < count) {
            const int ready = ::epoll_wait(poll_, events.data(), events.size(), 30'000);
            if (ready <= 0) throw failure{exit_code::timeout, "no answer comes"};
            for (int i = 0; i < ready; ++i) {
                const int fd = events[static_cast<std::size_t>(i)].data.fd;
                const auto n = ::recv(fd, answer.data(), answer.size(), 0);
                const std::string_view text{answer.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
                if (!text.starts_with("HTTP/1.1 202") || text.find("duplicate") != text.npos)
                    throw failure{exit_code::wrong, "it answered " + std::string{text}};
                ++answered;
                if (sent < count) send(fd), ++sent;
            }
        }
    }

    void send(int fd) {
        const auto body = webhooks::body(next_);
        const auto id = "msg_" + std::to_string(next_++);
        const auto time = std::to_string(std::time(nullptr));
        const auto request =
            "POST /hook HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\n"
            "Content-Type: application/json\r\nContent-Length: 1024\r\n"
            "webhook-id: " +
            id + "\r\nwebhook-timestamp: " + time +
            "\r\nwebhook-signature: " + signer_.sign(id, time, body) + "\r\n\r\n" + body;
        if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(request.size()))
            fail_errno(exit_code::wrong, "send");
    }

    const std::size_t messages_;
    fanout::server_process receiver_;
    int poll_ = -1;
    std::vector<int> fds_{};
    webhooks::signer signer_{};
    std::size_t next_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    try {
        std::size_t messages = 40'000;
        int at = 1;
        if (argc > at && std::string_view{argv[at]} != "--")
            messages = std::strtoul(argv[at++], nullptr, 10);
        if (argc < at + 2 || std::string_view{argv[at]} != "--" || messages == 0)
            throw failure{exit_code::usage, "usage: webhooks_post [MESSAGES] -- PROGRAM ..."};
        poster{messages, argv + at + 1}.run();
        return 0;
    } catch (const failure& f) {
        std::fprintf(stderr, "webhooks_post: %s\n", f.what());
        return static_cast<int>(f.code);
    }
}
