// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/impl/descriptor.hpp>
#include <tidings/io/impl/polled_stream.hpp>
#include <tidings/io/impl/socket_stream.hpp>
#include <tidings/io/impl/system_acceptor.hpp>
#include <tidings/io/impl/tls_stream.hpp>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#if defined(__unix__) || defined(__APPLE__)
#include <sys/stat.h>
#endif

namespace tidings::detail {

namespace {

/// A listening TCP or Unix socket.
class system_acceptor final : public io::acceptor {
    using any_acceptor = net::basic_socket_acceptor<net::generic::stream_protocol>;

 public:
    static std::unique_ptr<io::acceptor> make(net::any_io_executor executor,
                                              const io::listen_options& options, error_code& ec) {
        tls_context tls;
        if (options.tls) tls = make_server_context(*options.tls, ec);
        if (ec) return nullptr;
        std::unique_ptr<system_acceptor> made(
            new system_acceptor(std::move(executor), std::move(tls)));
        if (options.unix_path.empty())
            made->listen_tcp(options, ec);
        else
            made->listen_unix(options, ec);
        if (ec) return nullptr;
        return made;
    }
    ~system_acceptor() override {
        state_->dropped = true;
        close();
    }

    void start_accept(net::any_io_executor executor, io::stream_callback done) override {
        wait(state_, std::move(executor), std::move(done));
    }
    void close() noexcept override {
        if (std::exchange(state_->closed, true)) return;
        if (!unix_path_.empty() && file_at(unix_path_) == unix_file_)
            std::remove(unix_path_.c_str());
        if (state_->acceptor.is_open()) shutdown_descriptor(state_->acceptor.native_handle());
        error_code ignored;  // the descriptor is gone in either case
        state_->acceptor.close(ignored);
    }
    io::socket_address local_endpoint() const override { return local_; }

 private:
    // Shared with the accept under way, which ends after the acceptor does.
    struct state {
        state(net::any_io_executor executor, tls_context t)
            : acceptor(std::move(executor)),
              tls(std::move(t)) {}
        any_acceptor acceptor;
        tls_context tls;
        bool closed = false;
        bool dropped = false;
    };

    // Asio's own accept makes descriptors that a child process inherits.
    static void wait(const std::shared_ptr<state>& s, net::any_io_executor executor,
                     io::stream_callback done) {
        s->acceptor.async_wait(
            any_acceptor::wait_read,
            [s, executor = std::move(executor), done = std::move(done)](error_code ec) mutable {
                if (s->dropped) return;
                if (s->closed) ec = net::error::operation_aborted;
                io::stream_ptr made;
                if (!ec) made = accept(*s, executor, ec);
                if (!ec && !made) return wait(s, std::move(executor), std::move(done));
                if (made && s->tls) made = make_server_stream(s->tls, std::move(made), ec);
                done(ec, std::move(made));
            });
    }

    // Null without an error where the connection has gone meanwhile.
    static io::stream_ptr accept(state& s, const net::any_io_executor& executor, error_code& ec) {
        any_endpoint peer;
        auto size = static_cast<socklen_t>(peer.capacity());
#if defined(__linux__)
        const int made =
            ::accept4(s.acceptor.native_handle(), peer.data(), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
#else
        const int made = ::accept(s.acceptor.native_handle(), peer.data(), &size);
        if (made >= 0) set_close_on_exec(made);
#endif
        if (made < 0) {
            const bool gone =
                errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ECONNABORTED;
            if (!gone) ec = error_code(errno, boost::system::system_category());
            return nullptr;
        }
        peer.resize(size);
#if TIDINGS_POLL_SET
        return std::make_unique<polled_stream>(executor, made, internet_address(peer));
#else
        any_socket socket(executor);
        socket.assign(s.acceptor.local_endpoint(ec).protocol(), made, ec);
        if (ec) {
            ::close(made);
            return nullptr;
        }
        return make_socket_stream(std::move(socket), peer);
#endif
    }

    system_acceptor(net::any_io_executor executor, tls_context tls)
        : state_(std::make_shared<state>(std::move(executor), std::move(tls))) {}

    void listen_tcp(const io::listen_options& options, error_code& ec) {
        const auto address = net::ip::make_address(options.address, ec);
        if (ec) return;
        const net::ip::tcp::endpoint wanted(address, options.port);
        bind(wanted, options.backlog, ec);
        if (ec) return;
        const auto bound = state_->acceptor.local_endpoint(ec);
        if (ec) return;
        if (const auto internet = internet_address(bound)) local_ = *internet;
    }

    void listen_unix(const io::listen_options& options, error_code& ec) {
#if defined(BOOST_ASIO_HAS_LOCAL_SOCKETS)
        net::local::stream_protocol::endpoint wanted;
        try {
            wanted.path(options.unix_path);
        } catch (const boost::system::system_error& too_long) {
            ec = too_long.code();
            return;
        }
        bind(wanted, options.backlog, ec);
        if (ec == net::error::address_in_use && is_stale(options.unix_path, wanted)) {
            std::remove(options.unix_path.c_str());
            bind(wanted, options.backlog, ec);
        }
        if (ec) return;
        unix_path_ = options.unix_path;
        unix_file_ = file_at(unix_path_);
#else
        (void)options;
        ec = net::error::operation_not_supported;
#endif
    }

    // Device and inode of what stands at a path, by which its maker knows it again: while the
    // socket is open no other file has its inode.
    using file_id = std::optional<std::pair<std::uintmax_t, std::uintmax_t>>;
    static file_id file_at(const std::string& path) noexcept {
#if defined(__unix__) || defined(__APPLE__)
        struct stat s {};
        if (::lstat(path.c_str(), &s) == 0) return std::pair(s.st_dev, s.st_ino);
#else
        (void)path;
#endif
        return std::nullopt;
    }

    void bind(const any_endpoint& wanted, int backlog, error_code& ec) {
        auto& a = state_->acceptor;
        error_code ignored;
        a.close(ignored);
        open_close_on_exec(a, wanted.protocol(), ec);
        if (!ec) a.set_option(net::socket_base::reuse_address(true), ec);
        if (!ec) a.bind(wanted, ec);
        if (!ec) a.listen(backlog, ec);
        if (!ec) a.native_non_blocking(true, ec);
    }

    // What a server that crashed left behind would keep its successor from starting. A connect to
    // what is no socket at all is refused too.
    bool is_stale(const std::string& path, const any_endpoint& there) const {
        std::error_code unknown;
        if (!std::filesystem::is_socket(path, unknown)) return false;
        error_code ec;
        any_socket probe(state_->acceptor.get_executor());
        open_close_on_exec(probe, there.protocol(), ec);
        if (!ec) probe.non_blocking(true, ec);  // the listener may be too busy to accept
        if (!ec) probe.connect(there, ec);
        return ec == net::error::connection_refused;
    }

    std::shared_ptr<state> state_;
    io::socket_address local_{};
    std::string unix_path_;
    file_id unix_file_;
};

}  // namespace

std::unique_ptr<io::acceptor> make_system_acceptor(net::any_io_executor executor,
                                                   const io::listen_options& options,
                                                   error_code& ec) {
    return system_acceptor::make(std::move(executor), options, ec);
}

}  // namespace tidings::detail
