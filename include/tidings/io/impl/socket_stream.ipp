// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/network.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include <cstring>

namespace tidings::detail {

using any_socket = net::generic::stream_protocol::socket;
using any_endpoint = net::generic::stream_protocol::endpoint;

/// The internet address in an erased endpoint; nothing for a Unix socket. IPv4 mapped into IPv6
/// comes out as IPv4, so that it is recognised for what it is.
inline std::optional<io::endpoint> internet_endpoint(const any_endpoint& from) {
    const int family = from.protocol().family();
    net::ip::tcp::endpoint tcp;
    if (family != net::ip::tcp::v4().family() && family != net::ip::tcp::v6().family())
        return std::nullopt;
    std::memcpy(tcp.data(), from.data(), from.size());
    tcp.resize(from.size());
    auto address = tcp.address();
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        address = net::ip::make_address_v4(net::ip::v4_mapped, address.to_v6());
    return io::endpoint{address, tcp.port()};
}

/// A connected TCP or Unix socket.
class socket_stream final : public io::stream {
    // Shared with the operations under way: they end after the stream does.
    struct state {
        explicit state(any_socket s) : socket(std::move(s)) {}
        any_socket socket;
        bool closed = false;
        bool dropped = false;
        bool ended = false;  // a read met the end
    };

    static net::mutable_buffer buffer(std::span<std::byte> b) noexcept {
        return {b.data(), b.size()};
    }
    static net::const_buffer buffer(std::span<const std::byte> b) noexcept {
        return {b.data(), b.size()};
    }

    // An operation may succeed just before the stream is closed and complete after it.
    template <class... Args>
    static void finish(const state& s, unique_function<void(error_code, Args...)>& done,
                       error_code ec, Args... args) {
        if (s.dropped) return;
        if (s.closed) return done(net::error::operation_aborted, Args{}...);
        done(ec, args...);
    }
    template <class... Args>
    auto guard(unique_function<void(error_code, Args...)> done) {
        return [s = state_, done = std::move(done)](error_code ec, Args... args) mutable {
            finish(*s, done, ec, args...);
        };
    }
    void post(error_code ec, io::ready_callback done) {
        net::post(state_->socket.get_executor(),
                  [ec, g = guard(std::move(done))]() mutable { g(ec); });
    }

 public:
    socket_stream(any_socket socket, const any_endpoint& peer)
        : state_(std::make_shared<state>(std::move(socket))),
          peer_(internet_endpoint(peer)) {
        error_code ignored;  // a connection that broke already says so at the first read
        if (peer_) state_->socket.set_option(net::ip::tcp::no_delay(true), ignored);
        state_->socket.non_blocking(true, ignored);
    }
    ~socket_stream() override {
        state_->dropped = true;
        close();
    }

    net::any_io_executor executor() const noexcept override {
        return state_->socket.get_executor();
    }

    void start_handshake(io::ready_callback done) override { post({}, std::move(done)); }
    // Asio waits for ever when it is asked to read once more after the end.
    void start_read(std::span<std::byte> into, io::read_callback done) override {
        if (state_->ended)
            return post(net::error::eof,
                        [done = std::move(done)](error_code ec) mutable { done(ec, 0); });
        state_->socket.async_read_some(buffer(into), [s = state_, done = std::move(done)](
                                                         error_code ec, std::size_t n) mutable {
            s->ended = ec == net::error::eof;
            finish(*s, done, ec, n);
        });
    }
    void start_write(std::span<const std::byte> from, io::read_callback done) override {
        state_->socket.async_write_some(buffer(from), guard(std::move(done)));
    }
    void start_wait(io::wait_for what, io::ready_callback done) override {
        state_->socket.async_wait(
            what == io::wait_for::readable ? any_socket::wait_read : any_socket::wait_write,
            guard(std::move(done)));
    }

    bool can_poll() const noexcept override { return true; }
    std::size_t try_read(std::span<std::byte> into, error_code& ec) noexcept override {
        ec = net::error::operation_aborted;
        return state_->closed ? 0 : state_->socket.read_some(buffer(into), ec);
    }
    std::size_t try_write(std::span<const std::byte> from, error_code& ec) noexcept override {
        ec = net::error::operation_aborted;
        return state_->closed ? 0 : state_->socket.write_some(buffer(from), ec);
    }

    void start_shutdown(io::ready_callback done) override {
        error_code ec;
        state_->socket.shutdown(any_socket::shutdown_send, ec);
        post(ec, std::move(done));
    }
    void close() noexcept override {
        state_->closed = true;
        error_code ignored;  // the descriptor is gone in either case
        state_->socket.close(ignored);
    }

    std::string remote_address() const override {
        if (!peer_) return "unix";
        const auto text = peer_->address.to_string();
        return (peer_->address.is_v6() ? '[' + text + ']' : text) + ':' +
               std::to_string(peer_->port);
    }
    bool remote_is_loopback() const noexcept override {
        return !peer_ || peer_->address.is_loopback();
    }

 private:
    std::shared_ptr<state> state_;
    std::optional<io::endpoint> peer_;
};

}  // namespace tidings::detail
