// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/impl/descriptor.hpp>
#include <tidings/io/impl/polled_stream.hpp>
#include <tidings/io/impl/socket_stream.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include <cstring>

namespace tidings::detail {

namespace {

net::mutable_buffer as_buffer(std::span<std::byte> b) noexcept {
    return {b.data(), b.size()};
}
net::const_buffer as_buffer(std::span<const std::byte> b) noexcept {
    return {b.data(), b.size()};
}

}  // namespace

std::optional<io::socket_address> internet_address(const any_endpoint& from) {
    const int family = from.protocol().family();
    net::ip::tcp::endpoint tcp;
    if (family != net::ip::tcp::v4().family() && family != net::ip::tcp::v6().family())
        return std::nullopt;
    std::memcpy(tcp.data(), from.data(), from.size());
    tcp.resize(from.size());
    auto address = tcp.address();
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        address = net::ip::make_address_v4(net::ip::v4_mapped, address.to_v6());
    return io::socket_address{address, tcp.port()};
}

std::string to_text(const io::socket_address& a) {
    const auto text = a.address.to_string();
    return (a.address.is_v6() ? '[' + text + ']' : text) + ':' + std::to_string(a.port);
}

io::stream_ptr make_socket_stream(any_socket socket, const any_endpoint& peer) {
#if TIDINGS_POLL_SET
    error_code ec;
    const auto executor = socket.get_executor();
    const auto descriptor = socket.release(ec);
    if (!ec) return std::make_unique<polled_stream>(executor, descriptor, internet_address(peer));
#endif
    return std::make_unique<socket_stream>(std::move(socket), peer);
}

/// Shared with the operations under way: they end after the stream does.
struct socket_stream::state {
    enum class life {
        open,
        ended,   // a read met the end
        closed,  // what is under way completes with operation_aborted
        dropped  // or not at all
    };

    explicit state(any_socket s) : socket(std::move(s)) {}
    bool closed() const noexcept { return now >= life::closed; }

    // An operation may succeed just before the stream is closed and complete after it.
    template <class... Args>
    void finish(unique_function<void(error_code, Args...)>& done, error_code ec, Args... args) {
        if (now == life::dropped) return;
        if (closed()) return done(net::error::operation_aborted, Args{}...);
        done(ec, args...);
    }

    any_socket socket;
    life now = life::open;
};

template <class... Args>
auto socket_stream::guard(unique_function<void(error_code, Args...)> done) {
    return [s = state_, done = std::move(done)](error_code ec, Args... args) mutable {
        s->finish(done, ec, args...);
    };
}

void socket_stream::post(error_code ec, io::ready_callback done) {
    net::post(state_->socket.get_executor(), [ec, g = guard(std::move(done))]() mutable { g(ec); });
}

socket_stream::socket_stream(any_socket socket, const any_endpoint& peer)
    : state_(std::make_shared<state>(std::move(socket))),
      peer_(internet_address(peer)) {
    error_code ignored;  // a connection that broke already says so at the first read
    if (peer_) state_->socket.set_option(net::ip::tcp::no_delay(true), ignored);
    state_->socket.non_blocking(true, ignored);
}

socket_stream::~socket_stream() {
    close();
    state_->now = state::life::dropped;
}

net::any_io_executor socket_stream::executor() const noexcept {
    return state_->socket.get_executor();
}

// A connection that finds no place in the new context's reactor ends.
bool socket_stream::rebind(const net::any_io_executor& executor) {
    auto& socket = state_->socket;
    error_code ec;
    const auto protocol = socket.local_endpoint(ec).protocol();
    if (ec) return false;
    const auto descriptor = socket.release(ec);
    if (ec) return false;
    any_socket moved(executor);
    moved.assign(protocol, descriptor, ec);
    if (ec)
        close_descriptor(descriptor);
    else
        moved.non_blocking(true, ec);
    socket = std::move(moved);
    return !ec;
}

void socket_stream::start_handshake(io::ready_callback done) {
    post({}, std::move(done));
}

// Asio waits for ever when it is asked to read once more after the end.
void socket_stream::start_read(std::span<std::byte> into, io::read_callback done) {
    if (state_->now == state::life::ended)
        return post(net::error::eof,
                    [done = std::move(done)](error_code ec) mutable { done(ec, 0); });
    state_->socket.async_read_some(as_buffer(into), [s = state_, done = std::move(done)](
                                                        error_code ec, std::size_t n) mutable {
        if (ec == net::error::eof && !s->closed()) s->now = state::life::ended;
        s->finish(done, ec, n);
    });
}

void socket_stream::start_write(std::span<const std::byte> from, io::read_callback done) {
    state_->socket.async_write_some(as_buffer(from), guard(std::move(done)));
}

void socket_stream::start_wait(io::wait_for what, io::ready_callback done) {
    state_->socket.async_wait(
        what == io::wait_for::readable ? any_socket::wait_read : any_socket::wait_write,
        guard(std::move(done)));
}

std::size_t socket_stream::try_read(std::span<std::byte> into, error_code& ec) noexcept {
    ec = net::error::operation_aborted;
    return state_->closed() ? 0 : state_->socket.read_some(as_buffer(into), ec);
}

std::size_t socket_stream::try_write(std::span<const std::byte> from, error_code& ec) noexcept {
    ec = net::error::operation_aborted;
    return state_->closed() ? 0 : state_->socket.write_some(as_buffer(from), ec);
}

void socket_stream::start_shutdown(io::ready_callback done) {
    error_code ec;
    state_->socket.shutdown(any_socket::shutdown_send, ec);
    post(ec, std::move(done));
}

void socket_stream::close() noexcept {
    if (state_->closed()) return;
    state_->now = state::life::closed;
    error_code ignored;  // the descriptor is gone in either case
    if (state_->socket.is_open()) {
        state_->socket.cancel(ignored);  // another thread may be reading it for the reactor
        shutdown_descriptor(state_->socket.native_handle());
    }
    state_->socket.close(ignored);
}

std::string socket_stream::remote_address() const {
    return peer_ ? to_text(*peer_) : "unix";
}

}  // namespace tidings::detail
