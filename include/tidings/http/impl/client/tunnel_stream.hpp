// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/network.hpp>

#include <memory>
#include <string>

namespace tidings::http::detail {

/// The way to a target through a proxy, over the connection to that. What came behind the head of
/// the proxy's answer is the target's, and is read first.
class tunnel_stream final : public io::stream {
 public:
    TIDINGS_DECL tunnel_stream(io::stream_ptr lower, std::string early, io::socket_address target);

    net::any_io_executor executor() const noexcept override { return lower_->executor(); }
    bool rebind(const net::any_io_executor& executor) override { return lower_->rebind(executor); }
    TIDINGS_DECL void start_handshake(io::ready_callback done) override;
    TIDINGS_DECL void start_read(std::span<std::byte> into, io::read_callback done) override;
    TIDINGS_DECL void start_write(std::span<const std::byte> from, io::read_callback done) override;
    std::uint64_t push_on() noexcept override { return lower_->push_on(); }
    TIDINGS_DECL void start_wait(io::wait_for what, io::ready_callback done) override;
    bool can_poll() const noexcept override { return lower_->can_poll(); }
    TIDINGS_DECL std::size_t try_read(std::span<std::byte> into, error_code& ec) noexcept override;
    TIDINGS_DECL std::size_t try_write(std::span<const std::byte> from,
                                       error_code& ec) noexcept override;
    TIDINGS_DECL void start_shutdown(io::ready_callback done) override;
    TIDINGS_DECL void close() noexcept override;
    TIDINGS_DECL std::string remote_address() const override;
    bool remote_is_loopback() const noexcept override { return target_.address.is_loopback(); }

 private:
    std::size_t take_early(std::span<std::byte> into) noexcept;
    template <class F>
    void post(F f);

    const io::stream_ptr lower_;
    std::string early_;
    const io::socket_address target_;
    bool closed_ = false;
    const std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace tidings::http::detail
