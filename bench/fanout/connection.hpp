// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "event_stream.hpp"
#include "failure.hpp"
#include "frames.hpp"

namespace fanout {

enum class protocol { websocket, event_stream };

/// One connection to the server: the handshake blocks, what follows does not.
class connection {
 public:
    /// Connects and asks for `target`. `number` spreads the source addresses, since one address has
    /// some 28,000 ports. `receive_buffer` bounds what the kernel takes for it; 0: as it likes.
    /// Throws `failure` (setup) for every answer but an accepting one.
    connection(std::uint16_t port, std::size_t number, protocol spoken, const std::string& target,
               int receive_buffer = 0)
        : fd_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
        if (fd_ < 0) fail_errno(exit_code::setup, "socket");
        try {
            if (receive_buffer != 0) {
                ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
            }
            connect(port, number);
            const std::string head = ask(spoken, target);
            if (spoken == protocol::websocket) {
                // The key is the sample of RFC 6455 1.3, so the right answer is known.
                require(head, "http/1.1 101");
                require(head, "\r\nsec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n");
            } else {
                require(head, "http/1.1 200");
                require(head, "\r\ncontent-type: text/event-stream");
                stream_.emplace(head.find("\r\ntransfer-encoding: chunked") != std::string::npos);
            }
        } catch (...) {
            ::close(fd_);
            throw;
        }
    }
    connection(connection&& other) noexcept
        : fd_{std::exchange(other.fd_, -1)},
          pending_{std::move(other.pending_)},
          stream_{std::move(other.stream_)} {}
    connection& operator=(connection&&) = delete;
    ~connection() {
        if (fd_ >= 0) ::close(fd_);
    }

    [[nodiscard]] int fd() const noexcept { return fd_; }

    /// Calls `on_message(text)` for each message that `bytes` complete; answers pings. Throws
    /// `failure` (wrong) for bad bytes and for a close frame.
    template <class OnMessage>
    void read(std::string_view bytes, OnMessage&& on_message) {
        if (!pending_.empty() || stream_) pending_ += bytes;
        const std::string_view all = pending_.empty() ? bytes : std::string_view{pending_};
        if (stream_) {
            stream_->read(all, on_message);
            pending_.clear();
            return;
        }
        const std::size_t used = read_frames(all, [&](opcode kind, std::string_view payload) {
            if (kind == opcode::text || kind == opcode::binary) return on_message(payload);
            if (kind == opcode::close) {
                throw failure{exit_code::wrong, "the server closed a WebSocket connection"};
            }
            if (kind == opcode::ping) answer(payload);
        });
        if (pending_.empty()) {
            pending_ = bytes.substr(used);
        } else {
            pending_.erase(0, used);
        }
    }

    /// All of `bytes` in one `send()`; throws `failure` (wrong) when the kernel takes fewer.
    void send(std::string_view bytes) const {
        if (::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(bytes.size())) {
            fail_errno(exit_code::wrong, "send");
        }
    }

    /// TCP segments with data that came in since the connection began: on loopback the number of
    /// the server's send calls, as long as none is longer than 64 KiB.
    [[nodiscard]] std::uint64_t segments() const {
        tcp_info info{};
        socklen_t size = sizeof info;
        if (::getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
            fail_errno(exit_code::setup, "TCP_INFO");
        }
        return info.tcpi_data_segs_in;
    }

 private:
    void connect(std::uint16_t port, std::size_t number) const {
        constexpr std::size_t per_source = 20'000;
        const int on = 1;
        const timeval patience{.tv_sec = 10, .tv_usec = 0};
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        if (number >= per_source) {
            ::setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
            address.sin_addr.s_addr =
                htonl(INADDR_LOOPBACK + static_cast<std::uint32_t>(number / per_source));
            if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
                fail_errno(exit_code::setup, "bind");
            }
        }
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
            fail_errno(exit_code::setup, "connect");
        }
    }

    // Returns the head of the answer in lower case; what came behind it is kept in `pending_`.
    std::string ask(protocol spoken, const std::string& target) {
        std::string request = "GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
        request +=
            spoken == protocol::websocket
                ? "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                : "Accept: text/event-stream\r\n\r\n";
        send(request);
        std::size_t end = std::string::npos;
        while ((end = pending_.find("\r\n\r\n")) == std::string::npos) {
            char bytes[4096];
            const ssize_t count = ::recv(fd_, bytes, sizeof bytes, 0);
            if (count <= 0 || pending_.size() > 16 * sizeof bytes) {
                throw failure{exit_code::setup, "no answer to GET " + target};
            }
            pending_.append(bytes, static_cast<std::size_t>(count));
        }
        std::string head = pending_.substr(0, end + 2);
        pending_.erase(0, end + 4);
        std::transform(head.begin(), head.end(), head.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        return head;
    }

    static void require(const std::string& head, std::string_view part) {
        if (head.find(part) == std::string::npos) {
            throw failure{exit_code::setup, "the server answered: " + head};
        }
    }

    void answer(std::string_view ping) const {
        constexpr std::uint32_t mask = 0x2a5bc6d3;
        std::string frame;
        append_frame(frame, opcode::pong, ping, mask);
        send(frame);
    }

    int fd_;
    std::string pending_{};
    std::optional<event_stream> stream_{};
};

}  // namespace fanout
