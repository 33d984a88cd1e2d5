// SPDX-License-Identifier: BSL-1.0
//
// The physical limit: one thread, epoll, kept-alive connections, one send() of a head and a body
// that are put together in place, a keyed context for the signature, one recv() for the answer. It
// stores nothing, retries nothing and trusts its peers.
//
//     webhooks_epoll CONNECTIONS MESSAGES PORT...

#include "../loopback.hpp"
#include "../message.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>

namespace {

void check(bool good, const char* what) {
    if (good) return;
    std::perror(what);
    std::exit(1);
}

class sender {
 public:
    explicit sender(std::size_t messages) : messages_{messages} {}

    /// False: everything has been sent.
    bool send(int fd) {
        if (next_ == messages_) return false;
        const auto body = webhooks::body(next_);
        const auto id = "msg_" + std::to_string(next_++);
        const auto time = std::to_string(std::time(nullptr));
        std::string head =
            "POST /hook HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            "User-Agent: bench\r\nContent-Type: application/json\r\n"
            "Content-Length: 1024\r\nwebhook-id: ";
        head.append(id).append("\r\nwebhook-timestamp: ").append(time);
        head.append("\r\nwebhook-signature: ").append(signer_.sign(id, time, body));
        head.append("\r\n\r\n");
        std::array<iovec, 2> parts{iovec{head.data(), head.size()},
                                   iovec{const_cast<char*>(body.data()), body.size()}};
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = parts.size();
        check(::sendmsg(fd, &message, MSG_NOSIGNAL) ==
                  static_cast<ssize_t>(head.size() + body.size()),
              "sendmsg");
        return true;
    }

 private:
    const std::size_t messages_;
    std::size_t next_ = 0;
    webhooks::signer signer_{};
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) return 1;
    const std::size_t connections = std::strtoul(argv[1], nullptr, 10);
    const std::size_t messages = std::strtoul(argv[2], nullptr, 10);
    const int poll = ::epoll_create1(EPOLL_CLOEXEC);
    std::puts("sending 1");
    std::fflush(stdout);
    sender all{messages};
    for (int i = 3; i < argc; ++i) {
        for (std::size_t n = 0; n < connections; ++n) {
            const int fd = webhooks::connect_to(static_cast<std::uint16_t>(std::atoi(argv[i])));
            check(fd >= 0, "connect");
            epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
            check(::epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
            all.send(fd);
        }
    }
    std::size_t answered = 0;
    std::array<epoll_event, 64> events;
    std::array<char, 4096> answer;
    while (answered < messages) {
        const int count = ::epoll_wait(poll, events.data(), events.size(), -1);
        for (int i = 0; i < count; ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            const auto n = ::recv(fd, answer.data(), answer.size(), 0);
            check(n > 12 && std::string_view{answer.data(), 12} == "HTTP/1.1 200", "recv");
            ++answered;
            all.send(fd);
        }
    }
}
