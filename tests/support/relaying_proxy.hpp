// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/network_fixture.hpp"

#include <tidings/io/impl/tls_stream.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tidings::test {

/// A small HTTP proxy on port 3128 of 127.0.0.1. It knows no address of the world outside: whatever
/// it is asked for, its tunnels lead to one port of this machine.
class relaying_proxy {
 public:
    static constexpr std::uint16_t port = 3128;

    /// @param target the port that the tunnels lead to
    relaying_proxy(io::network& network, net::any_io_executor executor, std::uint16_t target)
        : network_(network),
          executor_(std::move(executor)),
          target_(target) {
        start();
    }
    void start() {
        error_code ec;
        acceptor_ = network_.listen(executor_, {.port = port}, ec);
        REQUIRE_FALSE(ec);
        accept();
    }
    /// It takes no connections, and those that stand are closed.
    void stop() {
        acceptor_.reset();
        for (const auto& t : tunnels_) t->here->close();
    }

    /// The first lines of the requests.
    std::vector<std::string> asked{};
    /// The status that it answers with. 0: it does not.
    unsigned status = 200;
    /// The address, as it is asked for, to which alone it gives that status; empty: to all.
    std::string status_of{};
    /// Not null: what it speaks TLS with in the place of the target, whose bytes then are in clear.
    const certificate* terminates = nullptr;

 private:
    struct tunnel {
        io::stream_ptr here, there;
        std::string head{};
        std::array<std::array<std::byte, 4096>, 2> buffers{};
        io::canceller connecting{};
    };
    using tunnel_ptr = std::shared_ptr<tunnel>;

    void accept() {
        acceptor_->start_accept(executor_, [this](error_code ec, io::stream_ptr s) {
            if (ec) return;
            tunnels_.push_back(std::make_shared<tunnel>(tunnel{std::move(s), nullptr}));
            read_head(tunnels_.back().get());
            accept();
        });
    }
    void read_head(tunnel* t) {
        t->here->start_read(t->buffers[0], [this, t](error_code ec, std::size_t n) {
            if (ec) return;
            t->head += text_of(std::span(t->buffers[0]).first(n));
            if (!t->head.ends_with("\r\n\r\n")) return read_head(t);
            asked.push_back(t->head.substr(0, t->head.find('\r')));
            const bool meant = asked.back().find(' ' + status_of) != std::string::npos;
            const auto given = meant ? status : 200;
            if (given == 0) return;
            t->head = "HTTP/1.1 " + std::to_string(given) + " x\r\n\r\n";
            write(*t->here, std::as_bytes(std::span(t->head)),
                  [this, t, given] { given == 200 ? connect(t) : t->here->close(); });
        });
    }
    void connect(tunnel* t) {
        if (terminates != nullptr) {
            error_code ec;
            const auto context = tidings::detail::make_server_context(
                {{}, {}, terminates->certificate_pem, terminates->key_pem}, ec);
            t->here = tidings::detail::make_server_stream(context, std::move(t->here), ec);
            REQUIRE_FALSE(ec);
        }
        t->here->start_handshake([this, t](error_code ec) {
            if (ec) return t->here->close();
            t->connecting =
                network_.start_connect(executor_, {.host = "127.0.0.1", .port = target_},
                                       [t](error_code e, io::stream_ptr s) {
                                           if (e) return t->here->close();
                                           t->there = std::move(s);
                                           relay(t, *t->here, *t->there, 0);
                                           relay(t, *t->there, *t->here, 1);
                                       });
        });
    }
    static void relay(tunnel* t, io::stream& from, io::stream& to, std::size_t way) {
        from.start_read(t->buffers[way], [t, &from, &to, way](error_code ec, std::size_t n) {
            if (ec) return to.start_shutdown([](error_code) {});
            write(to, std::span(t->buffers[way]).first(n),
                  [t, &from, &to, way] { relay(t, from, to, way); });
        });
    }
    template <class F>
    static void write(io::stream& to, std::span<const std::byte> bytes, F then) {
        if (bytes.empty()) return then();
        to.start_write(bytes, [&to, bytes, then](error_code ec, std::size_t n) {
            if (!ec) write(to, bytes.subspan(n), then);
        });
    }

    io::network& network_;
    const net::any_io_executor executor_;
    const std::uint16_t target_;
    std::vector<tunnel_ptr> tunnels_;
    std::unique_ptr<io::acceptor> acceptor_;
};

}  // namespace tidings::test
