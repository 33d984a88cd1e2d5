// SPDX-License-Identifier: BSL-1.0
//
// The physical limit: one thread, epoll, one send() per subscriber and turn of the loop, nothing
// else. It trusts its clients: only what the load generator sends is understood.

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

enum class role { unknown, websocket, events, publisher };

struct client {
    int fd{};
    role is = role::unknown;
    std::string in{};
    std::string unsent{};
};

void check(bool good, const char* what) {
    if (good) return;
    std::perror(what);
    std::exit(1);
}

// RFC 6455 4.2.2: base64 of the SHA-1 of the key and a constant.
std::string accept_of(std::string key) {
    key += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned size = 0;
    EVP_Digest(key.data(), key.size(), hash.data(), &size, EVP_sha1(), nullptr);
    std::array<unsigned char, 64> text{};
    const int length = EVP_EncodeBlock(text.data(), hash.data(), static_cast<int>(size));
    return {text.begin(), text.begin() + length};
}

class server {
 public:
    void run(std::uint16_t port) {
        epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
        listener_.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const generic = reinterpret_cast<sockaddr*>(&address);
        check(::bind(listener_.fd, generic, size) == 0 && ::listen(listener_.fd, 4096) == 0 &&
                  ::getsockname(listener_.fd, generic, &size) == 0,
              "listen");
        watch(listener_, EPOLL_CTL_ADD, EPOLLIN);
        std::printf("listening %d\n", ntohs(address.sin_port));
        std::fflush(stdout);
        for (;;) turn();
    }

 private:
    void turn() {
        std::array<epoll_event, 256> events;
        const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
        check(count >= 0, "epoll_wait");
        for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
            client& from = *static_cast<client*>(events[i].data.ptr);
            if (&from == &listener_) {
                accept();
            } else {
                if ((events[i].events & EPOLLOUT) != 0) send(from, {});
                if ((events[i].events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) receive(from);
            }
        }
        flush();
    }

    void accept() {
        for (;;) {
            const int fd = ::accept4(listener_.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) return;
            const int on = 1;
            ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            clients_.push_back(std::make_unique<client>(client{.fd = fd}));
            watch(*clients_.back(), EPOLL_CTL_ADD, EPOLLIN);
        }
    }

    void receive(client& from) {
        const ssize_t size = ::recv(from.fd, buffer_.data(), buffer_.size(), 0);
        if (size < 0 && errno == EAGAIN) return;
        if (size <= 0) return leave(from);
        from.in.append(buffer_.data(), static_cast<std::size_t>(size));
        if (from.is == role::unknown) read_head(from);
        if (from.is == role::publisher) read_frames(from);
    }

    void read_head(client& from) {
        const std::size_t end = from.in.find("\r\n\r\n");
        if (end == std::string::npos) return;
        const std::string head = from.in.substr(0, end + 2);
        from.in.erase(0, end + 4);
        if (head.starts_with("GET /events?")) {
            from.is = role::events;
            event_clients_.push_back(&from);
            return send(from,
                        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                        "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n");
        }
        constexpr std::string_view name = "Sec-WebSocket-Key: ";
        const std::size_t key = head.find(name);
        if (key == std::string::npos) return leave(from);
        from.is = head.starts_with("GET /pub?") ? role::publisher : role::websocket;
        if (from.is == role::websocket) websocket_clients_.push_back(&from);
        const std::size_t begin = key + name.size();
        send(from,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: " +
                 accept_of(head.substr(begin, head.find("\r\n", begin) - begin)) + "\r\n\r\n");
    }

    // Every whole frame goes into the blocks that the turn's end sends.
    void read_frames(client& from) {
        const auto* const bytes = reinterpret_cast<const unsigned char*>(from.in.data());
        std::size_t used = 0;
        while (from.in.size() - used >= 8) {
            const unsigned char* frame = bytes + used;
            std::size_t size = frame[1] & 0x7fU;
            if (frame[0] != 0x81 || (frame[1] & 0x80U) == 0 || size == 127) return leave(from);
            const std::size_t key = size == 126 ? 4 : 2;
            if (size == 126) size = static_cast<std::size_t>(frame[2] << 8U | frame[3]);
            if (from.in.size() - used < key + 4 + size) break;
            text_.resize(size);
            for (std::size_t i = 0; i < size; ++i) {
                text_[i] = static_cast<char>(frame[key + 4 + i] ^ frame[key + i % 4]);
            }
            // The head of the frame without the mask bit is the head of the server's frame.
            frames_ += static_cast<char>(frame[0]);
            frames_ += static_cast<char>(frame[1] & 0x7fU);
            frames_.append(from.in, used + 2, key - 2);
            frames_ += text_;
            events_ += "data: " + text_ + "\n\n";
            used += key + 4 + size;
        }
        from.in.erase(0, used);
    }

    void flush() {
        if (!frames_.empty()) {
            for (client* to : websocket_clients_) send(*to, frames_);
            frames_.clear();
        }
        if (!events_.empty()) {
            std::array<char, 24> size{};
            std::snprintf(size.data(), size.size(), "%zx\r\n", events_.size());
            events_ = size.data() + events_ + "\r\n";
            for (client* to : event_clients_) send(*to, events_);
            events_.clear();
        }
    }

    void send(client& to, std::string_view bytes) {
        if (to.unsent.empty()) {
            const ssize_t size = ::send(to.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            // A dead connection is noticed by the read that follows.
            if (size < 0 && errno != EAGAIN) return;
            if (size > 0) bytes.remove_prefix(static_cast<std::size_t>(size));
            if (bytes.empty()) return;
            to.unsent = bytes;
            return watch(to, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
        }
        to.unsent += bytes;
        const ssize_t size = ::send(to.fd, to.unsent.data(), to.unsent.size(), MSG_NOSIGNAL);
        if (size > 0) to.unsent.erase(0, static_cast<std::size_t>(size));
        if (to.unsent.empty()) watch(to, EPOLL_CTL_MOD, EPOLLIN);
    }

    void watch(client& which, int operation, std::uint32_t events) {
        epoll_event event{.events = events, .data = {.ptr = &which}};
        check(::epoll_ctl(epoll_, operation, which.fd, &event) == 0, "epoll_ctl");
    }

    // The object stays, since this turn may hold more events for it: a run is short.
    void leave(client& gone) {
        std::erase(websocket_clients_, &gone);
        std::erase(event_clients_, &gone);
        if (gone.fd >= 0) ::close(gone.fd);
        gone.fd = -1;
    }

    int epoll_ = -1;
    client listener_{};
    std::vector<std::unique_ptr<client>> clients_{};
    std::vector<client*> websocket_clients_{};
    std::vector<client*> event_clients_{};
    std::string frames_{};  // this turn's messages, encoded once
    std::string events_{};
    std::string text_{};
    std::array<char, 65536> buffer_{};
};

}  // namespace

int main(int count, char** arguments) {
    static server only;
    only.run(static_cast<std::uint16_t>(count > 1 ? std::atoi(arguments[1]) : 0));
}
