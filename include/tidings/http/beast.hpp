// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/exchange.hpp>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <cstring>

// For a Beast server of one's own: makes of what it has read and connected what an `http::exchange`
// is made of.

namespace tidings::http {

/// The request as Beast has read it.
template <class Fields>
request from_beast(
    const boost::beast::http::request<boost::beast::http::string_body, Fields>& from) {
    request made{.method = std::string(std::string_view(from.method_string())),
                 .target = std::string(std::string_view(from.target())),
                 .body = from.body(),
                 .version = from.version()};
    for (const auto& f : from) made.fields.append(f.name_string(), f.value());
    return made;
}

namespace detail {

/// The stream of a connected TCP or Unix socket.
TIDINGS_DECL io::stream_ptr adopt_socket(net::generic::stream_protocol::socket socket);

/// What a peer's address says; of one that is gone, nothing.
struct peer_address {
    std::string text{};
    bool loopback = false;
};
TIDINGS_DECL peer_address describe(const error_code& ec, const net::ip::tcp::endpoint& peer);

/// A TLS stream of Asio's whose handshake is made. Its operations are on buffers of its own,
/// because they may go on after this object has ended; every step of them runs on its executor,
/// which the handlers carry.
template <class Stream>
class tls_adapter final : public io::stream {
    struct state {
        explicit state(Stream s) : stream(std::move(s)), executor(stream.get_executor()) {}
        Stream stream;
        net::any_io_executor executor;
        std::vector<std::byte> in;
        std::vector<std::byte> out;
        bool closed = false;
        bool dropped = false;
    };
    static constexpr std::size_t buffer_bytes = 16 * 1024;

 public:
    explicit tls_adapter(Stream s) : state_(std::make_shared<state>(std::move(s))) {
        auto& lowest = boost::beast::get_lowest_layer(state_->stream);
        if constexpr (requires { lowest.expires_never(); }) lowest.expires_never();
        error_code ec;
        const auto peer = socket().remote_endpoint(ec);
        peer_ = describe(ec, peer);
    }
    ~tls_adapter() override {
        state_->dropped = true;
        close();
    }

    net::any_io_executor executor() const noexcept override { return state_->executor; }
    bool rebind(const net::any_io_executor& executor) override {
        state_->executor = executor;
        return true;
    }
    void start_handshake(io::ready_callback done) override { post({}, std::move(done)); }
    void start_read(std::span<std::byte> into, io::read_callback done) override {
        auto& s = *state_;
        s.in.resize(std::min(into.size(), buffer_bytes));
        auto take = [into, g = guard(std::move(done))](error_code ec, std::size_t n) mutable {
            g(ec, n, [&](const state& alive) {
                if (n > 0) std::memcpy(into.data(), alive.in.data(), n);
            });
        };
        s.stream.async_read_some(net::buffer(s.in),
                                 net::bind_executor(s.executor, std::move(take)));
    }
    void start_write(std::span<const std::byte> from, io::read_callback done) override {
        auto& s = *state_;
        const auto piece = from.first(std::min(from.size(), buffer_bytes));
        s.out.assign(piece.begin(), piece.end());
        auto written = [g = guard(std::move(done))](error_code ec, std::size_t n) mutable {
            g(ec, n, [](const state&) {});
        };
        s.stream.async_write_some(net::buffer(s.out),
                                  net::bind_executor(s.executor, std::move(written)));
    }
    void start_shutdown(io::ready_callback done) override {
        auto ended = [this, g = guard([d = std::move(done)](error_code ec, std::size_t) mutable {
                                d(ec);
                            })](error_code ec) mutable {
            g(ec, 0, [this](const state&) {
                error_code ignored;  // the peer is gone then
                socket().shutdown(net::socket_base::shutdown_send, ignored);
            });
        };
        state_->stream.async_shutdown(net::bind_executor(state_->executor, std::move(ended)));
    }
    void close() noexcept override {
        state_->closed = true;
        error_code ignored;  // the descriptor is gone in either case
        socket().shutdown(net::socket_base::shutdown_both, ignored);
        socket().close(ignored);
    }

    bool can_poll() const noexcept override { return false; }
    std::size_t try_read(std::span<std::byte>, error_code& ec) noexcept override {
        ec = net::error::operation_not_supported;
        return 0;
    }
    std::size_t try_write(std::span<const std::byte>, error_code& ec) noexcept override {
        ec = net::error::operation_not_supported;
        return 0;
    }
    void start_wait(io::wait_for, io::ready_callback done) override {
        post(net::error::operation_not_supported, std::move(done));
    }
    std::string remote_address() const override { return peer_.text; }
    bool remote_is_loopback() const noexcept override { return peer_.loopback; }

 private:
    auto& socket() noexcept {
        auto& lowest = boost::beast::get_lowest_layer(state_->stream);
        if constexpr (requires { lowest.socket(); })
            return lowest.socket();
        else
            return lowest;
    }
    auto guard(io::read_callback done) {
        return [s = state_, done = std::move(done)](error_code ec, std::size_t n,
                                                    auto&& while_alive) mutable {
            if (s->dropped) return;
            if (s->closed) return done(net::error::operation_aborted, 0);
            while_alive(*s);
            done(ec, n);
        };
    }
    void post(error_code ec, io::ready_callback done) {
        net::post(executor(),
                  [ec, g = guard([d = std::move(done)](error_code e, std::size_t) mutable {
                           d(e);
                       })]() mutable { g(ec, 0, [](const state&) {}); });
    }

    std::shared_ptr<state> state_;
    peer_address peer_;
};

}  // namespace detail

/// The stream of a connected socket, which is taken over: a `net::ip::tcp` or `net::local` stream
/// socket, a `beast::tcp_stream`, or a TLS stream over one of them (`net::ssl::stream`,
/// `beast::ssl_stream`) whose handshake is made. Its executor becomes the stream's.
template <class Socket>
requires(!std::is_lvalue_reference_v<Socket>) io::stream_ptr make_stream(Socket&& s) {
    if constexpr (requires { s.release_socket(); })
        return make_stream(s.release_socket());
    else if constexpr (requires {
                           s.next_layer();
                           s.async_shutdown([](error_code) {});
                       })
        return std::make_unique<detail::tls_adapter<Socket>>(std::move(s));
    else
        return detail::adopt_socket(net::generic::stream_protocol::socket(std::move(s)));
}

}  // namespace tidings::http
