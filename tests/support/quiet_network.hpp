// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/network.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace tidings::test {

/// What a peer of a quiet_network took, in writes and bytes, and how it reads.
struct quiet_peer {
    std::size_t writes = 0;
    std::size_t bytes = 0;
    std::string text;  ///< what it took, up to the capacity that it was given
    std::size_t room = static_cast<std::size_t>(-1);  ///< how much more it takes
    bool ended = false;                               ///< the other side has
    std::function<void()> give_room{};                ///< where one waits for it
    std::function<void()> leave{};                    ///< ends its own side
};

/// A stream that brings one text, then nothing for ever, takes whatever is written, and counts.
/// Once the text is read it allocates nothing.
class quiet_stream final : public io::stream {
 public:
    quiet_stream(net::any_io_executor executor, std::string text, std::shared_ptr<quiet_peer> peer)
        : executor_(std::move(executor)),
          unread_(std::move(text)),
          peer_(std::move(peer)) {
        peer_->give_room = [this] {
            if (writable_) post(std::exchange(writable_, nullptr));
        };
        peer_->leave = [this] {
            if (held_) std::exchange(held_, nullptr)(net::error::eof);
        };
    }
    ~quiet_stream() override { quiet_stream::close(); }

    net::any_io_executor executor() const noexcept override { return executor_; }
    void start_handshake(io::ready_callback done) override { post(std::move(done)); }
    void start_read(std::span<std::byte> into, io::read_callback done) override {
        held_ = [this, into, d = std::move(done)](error_code ec) mutable {
            const auto n = ec ? 0 : try_read(into, ec);
            d(ec, n);
        };
        if (!unread_.empty()) post(std::move(held_));
    }
    void start_write(std::span<const std::byte> from, io::read_callback done) override {
        if (peer_->room == 0) {
            writable_ = [this, from, d = std::move(done)](error_code) mutable {
                start_write(from, std::move(d));
            };
            return;
        }
        error_code ec;
        const auto n = try_write(from, ec);
        post([n, d = std::move(done)](error_code e) mutable { d(e, n); });
    }
    void start_wait(io::wait_for what, io::ready_callback done) override {
        const bool writes = what == io::wait_for::writable;
        if (writes ? peer_->room != 0 : !unread_.empty()) return post(std::move(done));
        (writes ? writable_ : held_) = std::move(done);
    }
    bool can_poll() const noexcept override { return true; }
    std::size_t try_read(std::span<std::byte> into, error_code& ec) noexcept override {
        ec = {};
        if (unread_.empty()) return ec = net::error::would_block, 0;
        const auto n = std::min(into.size(), unread_.size());
        std::copy_n(reinterpret_cast<const std::byte*>(unread_.data()), n, into.begin());
        unread_.erase(0, n);
        return n;
    }
    std::size_t try_write(std::span<const std::byte> from, error_code& ec) noexcept override {
        ec = {};
        if (peer_->room == 0) return ec = net::error::would_block, 0;
        const auto n = std::min(from.size(), peer_->room);
        ++peer_->writes;
        peer_->bytes += n;
        peer_->room -= n;
        const auto kept = std::min(n, peer_->text.capacity() - peer_->text.size());
        peer_->text.append(reinterpret_cast<const char*>(from.data()), kept);
        return n;
    }
    void start_shutdown(io::ready_callback done) override {
        peer_->ended = true;
        post(std::move(done));
    }
    void close() noexcept override {
        peer_->ended = true;
        peer_->give_room = nullptr;
        peer_->leave = nullptr;
    }
    std::string remote_address() const override { return "127.0.0.1:1"; }
    bool remote_is_loopback() const noexcept override { return true; }

 private:
    void post(io::ready_callback done) {
        net::post(executor_, [alive = std::weak_ptr(alive_), d = std::move(done)]() mutable {
            if (alive.lock()) d(error_code());
        });
    }

    net::any_io_executor executor_;
    std::string unread_;
    std::shared_ptr<quiet_peer> peer_;
    io::ready_callback held_;  // of what it reads
    io::ready_callback writable_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

/// A network that does nothing but count: for tests of what the library does, not the system.
class quiet_network final : public io::network {
 public:
    /// A connection over which `text` comes; there must be an acceptor that waits.
    std::shared_ptr<quiet_peer> connect(std::string text) {
        auto peer = std::make_shared<quiet_peer>();
        auto done = std::exchange(waiting_->done, nullptr);
        done({}, std::make_unique<quiet_stream>(waiting_->executor, std::move(text), peer));
        return peer;
    }

    std::unique_ptr<io::acceptor> listen(net::any_io_executor, const io::listen_options&,
                                         error_code& ec) override {
        ec = {};
        return std::make_unique<acceptor>(waiting_);
    }
    io::canceller start_connect(net::any_io_executor, io::connect_options,
                                io::stream_callback) override {
        return {};
    }
    io::canceller start_resolve(net::any_io_executor, std::string, std::uint16_t,
                                io::resolve_callback) override {
        return {};
    }

 private:
    struct waiting {
        net::any_io_executor executor;
        io::stream_callback done;
    };
    class acceptor final : public io::acceptor {
     public:
        explicit acceptor(std::shared_ptr<waiting> w) : waiting_(std::move(w)) {}
        ~acceptor() override { close(); }
        void start_accept(net::any_io_executor executor, io::stream_callback done) override {
            waiting_->executor = std::move(executor);
            waiting_->done = std::move(done);
        }
        void close() noexcept override { waiting_->done = nullptr; }
        io::socket_address local_endpoint() const override { return {}; }

     private:
        std::shared_ptr<waiting> waiting_;
    };
    std::shared_ptr<waiting> waiting_ = std::make_shared<waiting>();
};

}  // namespace tidings::test
