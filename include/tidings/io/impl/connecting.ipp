// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/impl/connecting.hpp>
#include <tidings/io/impl/descriptor.hpp>
#include <tidings/io/impl/interleaved.hpp>
#include <tidings/io/impl/socket_stream.hpp>
#include <tidings/io/impl/tls_stream.hpp>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>

#include <atomic>

namespace tidings::detail {

namespace {

/// One `start_connect`. Confined to its executor.
class connecting : public std::enable_shared_from_this<connecting> {
 public:
    static io::canceller start(io::network& network, io::clock& clock,
                               net::any_io_executor executor, io::connect_options options,
                               io::stream_callback done) {
        auto made = std::shared_ptr<connecting>(new connecting(
            network, clock, std::move(executor), std::move(options), std::move(done)));
        net::post(made->executor_, [made] { made->resolve(); });
        return [weak = std::weak_ptr(made)] {
            const auto self = weak.lock();
            if (!self) return;
            self->cancelled_ = true;
            net::dispatch(self->executor_, [self] { self->end(); });
        };
    }

 private:
    static constexpr std::chrono::milliseconds stagger{250};

    connecting(io::network& network, io::clock& clock, net::any_io_executor executor,
               io::connect_options options, io::stream_callback done)
        : network_(network),
          clock_(clock),
          executor_(std::move(executor)),
          options_(std::move(options)),
          done_(std::move(done)),
          timer_(clock.make_timer(executor_)) {}

    void resolve() {
        if (cancelled_) return;
        if (!options_.unix_path.empty()) return attempt_unix();
        if (!options_.addresses.empty()) return attempt_in_turn(known());
        enter(io::connect_phase::resolve, {});
        auto resolved = [self = shared_from_this()](error_code e,
                                                    std::vector<io::socket_address> found) {
            if (self->cancelled_) return;
            if (e) return self->finish(e, nullptr);
            self->attempt_in_turn(std::move(found));
        };
        cancel_resolution_ =
            network_.start_resolve(executor_, options_.host, options_.port, std::move(resolved));
    }

    std::vector<io::socket_address> known() const {
        std::vector<io::socket_address> all;
        for (const auto& a : options_.addresses) all.push_back({a, options_.port});
        return all;
    }

    void attempt_unix() {
#if defined(BOOST_ASIO_HAS_LOCAL_SOCKETS)
        try {
            attempt(net::local::stream_protocol::endpoint(options_.unix_path));
        } catch (const boost::system::system_error& too_long) {
            finish(too_long.code(), nullptr);
        }
#else
        finish(net::error::operation_not_supported, nullptr);
#endif
    }

    void attempt_in_turn(std::vector<io::socket_address> found) {
        endpoints_ = interleaved(std::move(found),
                                 [](const auto& endpoint) { return endpoint.address.is_v6(); });
        failure_ = errc::address_refused;
        attempt_next();
    }

    void attempt_next() {
        while (next_ < endpoints_.size()) {
            const auto& e = endpoints_[next_++];
            if (options_.address_filter && !options_.address_filter(e.address)) continue;
            enter(io::connect_phase::connect, e);
            attempt(net::ip::tcp::endpoint(e.address, e.port), e);
            if (next_ < endpoints_.size())
                timer_->start_wait(clock_.now() + stagger, [this] { attempt_next(); });
            return;
        }
        if (under_way_ == 0) finish(failure_, nullptr);
    }

    void enter(io::connect_phase p, const io::socket_address& to) {
        if (options_.on_phase) options_.on_phase(p, to);
    }

    void attempt(const any_endpoint& peer, const io::socket_address& to = {}) {
        auto& socket = *sockets_.emplace_back(std::make_unique<any_socket>(executor_));
        ++under_way_;
        auto connected = [self = shared_from_this(), &socket, peer, to](error_code ec) {
            if (self->cancelled_ || !self->done_ || self->won_) return;
            --self->under_way_;
            if (!ec) ec = self->judge_peer(socket, to);
            if (!ec) return self->connected(std::move(socket), peer, to);
            self->failure_ = ec;
            self->attempt_next();
        };
        error_code ec;
        open_close_on_exec(socket, peer.protocol(), ec);
        if (ec) return net::post(executor_, [c = std::move(connected), ec] { c(ec); });
        socket.async_connect(peer, std::move(connected));
    }

    // Where a connection leads may be elsewhere than where it was made to, 0.0.0.0 to this machine:
    // what was not judged before is judged then.
    error_code judge_peer(const any_socket& socket, const io::socket_address& to) const {
        error_code ec;
        if (!options_.address_filter) return ec;
        const auto peer = internet_address(socket.remote_endpoint(ec));
        const bool judged = ec || !peer || peer->address == to.address;
        return judged || options_.address_filter(peer->address)
                   ? ec
                   : make_error_code(errc::address_refused);
    }

    void connected(any_socket socket, const any_endpoint& peer, const io::socket_address& to) {
        won_ = true;
        timer_->cancel();
        auto made = make_socket_stream(std::move(socket), peer);
        for (auto& other : sockets_) close(*other);
        if (!options_.tls) return finish({}, std::move(made));
        error_code ec;
        stream_ = make_client_stream(*options_.tls, options_.host, std::move(made), ec);
        if (ec) return finish(ec, nullptr);
        enter(io::connect_phase::handshake, to);
        stream_->start_handshake([self = shared_from_this()](error_code e) {
            auto handshaken = std::move(self->stream_);
            if (e) handshaken.reset();
            self->finish(e, std::move(handshaken));
        });
    }

    void finish(error_code ec, io::stream_ptr made) {
        auto done = std::move(done_);
        end();
        if (done && !cancelled_) done(ec, std::move(made));
    }

    void end() noexcept {
        done_ = nullptr;
        stream_.reset();
        timer_->cancel();
        if (cancel_resolution_) std::exchange(cancel_resolution_, {})();
        for (auto& socket : sockets_) close(*socket);
    }

    static void close(any_socket& socket) noexcept {
        error_code ignored;  // its attempt has lost
        socket.close(ignored);
    }

    io::network& network_;
    io::clock& clock_;
    net::any_io_executor executor_;
    io::connect_options options_;
    io::stream_callback done_;
    std::atomic<bool> cancelled_ = false;
    std::unique_ptr<io::timer> timer_;
    io::canceller cancel_resolution_;
    std::vector<io::socket_address> endpoints_;
    std::size_t next_ = 0;
    std::size_t under_way_ = 0;
    bool won_ = false;  // an attempt succeeded
    error_code failure_;
    std::vector<std::unique_ptr<any_socket>> sockets_;
    io::stream_ptr stream_;
};

}  // namespace

io::canceller start_connecting(io::network& network, io::clock& clock,
                               net::any_io_executor executor, io::connect_options options,
                               io::stream_callback done) {
    return connecting::start(network, clock, std::move(executor), std::move(options),
                             std::move(done));
}

}  // namespace tidings::detail
