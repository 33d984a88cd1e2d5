// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/network.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <utility>

namespace tidings::test {

/// A stream whose connection is reset once it has brought so many bytes.
class cut_stream final : public io::stream {
 public:
    cut_stream(io::stream_ptr inner, std::size_t bytes) : inner_(std::move(inner)), left_(bytes) {}

    net::any_io_executor executor() const noexcept override { return inner_->executor(); }
    void start_handshake(io::ready_callback done) override {
        inner_->start_handshake(std::move(done));
    }
    void start_read(std::span<std::byte> into, io::read_callback done) override {
        if (left_ == 0)
            return post([this, d = std::move(done)]() mutable {
                inner_->close();
                d(net::error::connection_reset, 0);
            });
        inner_->start_read(into.first(std::min(left_, into.size())),
                           [this, d = std::move(done)](error_code ec, std::size_t n) mutable {
                               left_ -= n;
                               d(ec, n);
                           });
    }
    void start_write(std::span<const std::byte> from, io::read_callback done) override {
        inner_->start_write(from, std::move(done));
    }
    void start_wait(io::wait_for what, io::ready_callback done) override {
        if (what == io::wait_for::readable && left_ == 0)
            return post([d = std::move(done)]() mutable { d({}); });
        inner_->start_wait(what, std::move(done));
    }
    bool can_poll() const noexcept override { return inner_->can_poll(); }
    std::size_t try_read(std::span<std::byte> into, error_code& ec) noexcept override {
        if (left_ == 0) {
            inner_->close();
            return ec = net::error::connection_reset, 0;
        }
        const auto n = inner_->try_read(into.first(std::min(left_, into.size())), ec);
        left_ -= n;
        return n;
    }
    std::size_t try_write(std::span<const std::byte> from, error_code& ec) noexcept override {
        return inner_->try_write(from, ec);
    }
    void start_shutdown(io::ready_callback done) override {
        inner_->start_shutdown(std::move(done));
    }
    void close() noexcept override { inner_->close(); }
    std::string remote_address() const override { return inner_->remote_address(); }
    bool remote_is_loopback() const noexcept override { return inner_->remote_is_loopback(); }

 private:
    template <class F>
    void post(F f) {
        net::post(executor(), [alive = std::weak_ptr(alive_), f = std::move(f)]() mutable {
            if (alive.lock()) f();
        });
    }
    io::stream_ptr inner_;
    std::size_t left_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

/// The machine's network, whose connections are reset after some KB, each after others.
class cutting_network final : public io::network {
 public:
    std::unique_ptr<io::acceptor> listen(net::any_io_executor executor,
                                         const io::listen_options& options,
                                         error_code& ec) override {
        return io::system_network().listen(std::move(executor), options, ec);
    }
    io::canceller start_connect(net::any_io_executor executor, io::connect_options options,
                                io::stream_callback done) override {
        const auto bytes = 2000 + connections_++ % 13 * 777;
        return io::system_network().start_connect(
            std::move(executor), std::move(options),
            [bytes, d = std::move(done)](error_code ec, io::stream_ptr s) mutable {
                d(ec, s ? std::make_unique<cut_stream>(std::move(s), bytes) : nullptr);
            });
    }
    io::canceller start_resolve(net::any_io_executor executor, std::string host, std::uint16_t port,
                                io::resolve_callback done) override {
        return io::system_network().start_resolve(std::move(executor), std::move(host), port,
                                                  std::move(done));
    }
    std::size_t connections() const noexcept { return connections_; }

 private:
    std::atomic<std::size_t> connections_{0};
};

}  // namespace tidings::test
