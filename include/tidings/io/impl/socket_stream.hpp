// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/network.hpp>

#include <boost/asio/generic/stream_protocol.hpp>

#include <memory>
#include <optional>

namespace tidings::detail {

using any_socket = net::generic::stream_protocol::socket;
using any_endpoint = net::generic::stream_protocol::endpoint;

/// The internet address in an erased endpoint; nothing for a Unix socket. IPv4 mapped into IPv6
/// comes out as IPv4, so that it is recognised for what it is.
TIDINGS_DECL std::optional<io::socket_address> internet_address(const any_endpoint& from);

/// `192.0.2.1:443`, `[2001:db8::1]:80`.
TIDINGS_DECL std::string to_text(const io::socket_address& a);

/// A stream over a connected socket: of the fastest kind that there is here.
/// @throws std::bad_alloc
TIDINGS_DECL io::stream_ptr make_socket_stream(any_socket socket, const any_endpoint& peer);

/// A connected TCP or Unix socket that waits as Asio does, on every system. Its last `close` is
/// preceded by a shutdown, so that the peer sees the end although a child process may hold the
/// descriptor.
class socket_stream final : public io::stream {
 public:
    TIDINGS_DECL socket_stream(any_socket socket, const any_endpoint& peer);
    TIDINGS_DECL ~socket_stream() override;

    TIDINGS_DECL net::any_io_executor executor() const noexcept override;
    TIDINGS_DECL bool rebind(const net::any_io_executor& executor) override;
    TIDINGS_DECL void start_handshake(io::ready_callback done) override;
    TIDINGS_DECL void start_read(std::span<std::byte> into, io::read_callback done) override;
    TIDINGS_DECL void start_write(std::span<const std::byte> from, io::read_callback done) override;
    TIDINGS_DECL void start_wait(io::wait_for what, io::ready_callback done) override;
    bool can_poll() const noexcept override { return true; }
    TIDINGS_DECL std::size_t try_read(std::span<std::byte> into, error_code& ec) noexcept override;
    TIDINGS_DECL std::size_t try_write(std::span<const std::byte> from,
                                       error_code& ec) noexcept override;
    TIDINGS_DECL void start_shutdown(io::ready_callback done) override;
    TIDINGS_DECL void close() noexcept override;
    TIDINGS_DECL std::string remote_address() const override;
    bool remote_is_loopback() const noexcept override {
        return !peer_ || peer_->address.is_loopback();
    }

 private:
    struct state;
    template <class... Args>
    auto guard(unique_function<void(error_code, Args...)> done);
    void post(error_code ec, io::ready_callback done);

    std::shared_ptr<state> state_;
    std::optional<io::socket_address> peer_;
};

}  // namespace tidings::detail
