// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/impl/poll_set.hpp>
#include <tidings/io/network.hpp>

#include <optional>

namespace tidings::detail {

#if TIDINGS_POLL_SET

/// A connected TCP or Unix socket whose readiness a `poll_set` reports. Its `close` is preceded by
/// a shutdown, so that the peer sees the end although a child process may hold the descriptor.
class polled_stream final : public io::stream {
 public:
    /// The descriptor is its own from here on. @throws std::bad_alloc, then it is closed
    TIDINGS_DECL polled_stream(const net::any_io_executor& executor, int descriptor,
                               std::optional<io::socket_address> peer);
    TIDINGS_DECL ~polled_stream() override;

    net::any_io_executor executor() const noexcept override { return set_->executor(); }
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
    void post(error_code ec, io::ready_callback done);

    std::shared_ptr<poll_set> set_;
    poll_set::entry entry_;
    bool closed_ = false;
    const std::optional<io::socket_address> peer_;
    std::shared_ptr<void> alive_;  // for what is posted; made when something is
};

#endif

}  // namespace tidings::detail
