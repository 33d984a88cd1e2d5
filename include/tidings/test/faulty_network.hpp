// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/network.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <limits>
#include <memory>
#include <utility>

namespace tidings::test {

/// What goes wrong with one connection. Sizes are bytes; by default all goes well.
struct stream_faults {
    static constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

    std::size_t reset_after_read = never;     ///< so many have come: the connection is reset
    std::size_t reset_after_written = never;  ///< so many were taken: the connection is reset
    std::size_t max_read = never;             ///< at once: what comes, comes in pieces
    std::size_t max_write = never;            ///< at once
};

/// A stream that goes wrong by plan; without faults it is the one it wraps.
class faulty_stream final : public io::stream {
 public:
    faulty_stream(io::stream_ptr inner, stream_faults faults)
        : inner_(std::move(inner)),
          reading_{faults.reset_after_read, faults.max_read},
          writing_{faults.reset_after_written, faults.max_write} {}

    net::any_io_executor executor() const noexcept override { return inner_->executor(); }
    void start_handshake(io::ready_callback done) override {
        inner_->start_handshake(std::move(done));
    }
    void start_read(std::span<std::byte> into, io::read_callback done) override {
        if (reading_.left == 0) return reset(std::move(done));
        inner_->start_read(into.first(reading_.most(into.size())),
                           counting(reading_, std::move(done)));
    }
    void start_write(std::span<const std::byte> from, io::read_callback done) override {
        if (writing_.left == 0) return reset(std::move(done));
        inner_->start_write(from.first(writing_.most(from.size())),
                            counting(writing_, std::move(done)));
    }
    void start_wait(io::wait_for what, io::ready_callback done) override {
        const auto& way = what == io::wait_for::readable ? reading_ : writing_;
        if (way.left == 0) return post([d = std::move(done)]() mutable { d({}); });
        inner_->start_wait(what, std::move(done));
    }

    bool can_poll() const noexcept override { return inner_->can_poll(); }
    std::size_t try_read(std::span<std::byte> into, error_code& ec) noexcept override {
        if (reading_.left == 0) return reset(ec);
        return reading_.count(inner_->try_read(into.first(reading_.most(into.size())), ec));
    }
    std::size_t try_write(std::span<const std::byte> from, error_code& ec) noexcept override {
        if (writing_.left == 0) return reset(ec);
        return writing_.count(inner_->try_write(from.first(writing_.most(from.size())), ec));
    }
    void start_shutdown(io::ready_callback done) override {
        inner_->start_shutdown(std::move(done));
    }
    void close() noexcept override { inner_->close(); }
    std::string remote_address() const override { return inner_->remote_address(); }
    bool remote_is_loopback() const noexcept override { return inner_->remote_is_loopback(); }

 private:
    struct direction {
        std::size_t left;
        std::size_t max;

        std::size_t most(std::size_t wanted) const noexcept {
            return std::min({wanted, left, max});
        }
        std::size_t count(std::size_t n) noexcept {
            if (left != stream_faults::never) left -= n;
            return n;
        }
    };

    static io::read_callback counting(direction& way, io::read_callback done) {
        return [&way, d = std::move(done)](error_code ec, std::size_t n) mutable {
            way.count(n);
            d(ec, n);
        };
    }
    std::size_t reset(error_code& ec) noexcept {
        inner_->close();
        ec = net::error::connection_reset;
        return 0;
    }
    void reset(io::read_callback done) {
        post([this, d = std::move(done)]() mutable {
            inner_->close();
            d(net::error::connection_reset, 0);
        });
    }
    // Dropped where the stream is gone by then.
    template <class F>
    void post(F f) {
        net::post(executor(), [alive = std::weak_ptr(alive_), f = std::move(f)]() mutable {
            if (!alive.expired()) f();
        });
    }

    const io::stream_ptr inner_;
    direction reading_;
    direction writing_;
    const std::shared_ptr<const int> alive_ = std::make_shared<const int>(0);
};

/// A network whose connections go wrong by plan, for tests of what comes back after a loss: give it
/// to a client as `environment.network`. Connections that come in (`listen`) are left as they are.
/// Outlives its users. Thread-safe.
///
///     tidings::test::faulty_network network([](std::size_t n) {
///         return tidings::test::stream_faults{.reset_after_read = 100 * n};
///     });
///     tidings::sse::client client(io, {.url = url, .environment = {.network = &network}}, seen);
class faulty_network final : public io::network {
 public:
    /// What goes wrong with the n-th connection that is made, counted from 0; on any thread.
    using plan = std::function<stream_faults(std::size_t n)>;

    explicit faulty_network(plan p, io::network& inner = io::system_network())
        : plan_(std::move(p)),
          inner_(inner) {}

    /// Connections asked for so far.
    std::size_t connections() const noexcept { return connections_; }

    std::unique_ptr<io::acceptor> listen(net::any_io_executor executor,
                                         const io::listen_options& options,
                                         error_code& ec) override {
        return inner_.listen(std::move(executor), options, ec);
    }
    io::canceller start_connect(net::any_io_executor executor, io::connect_options options,
                                io::stream_callback done) override {
        return inner_.start_connect(
            std::move(executor), std::move(options),
            [faults = plan_(connections_++), d = std::move(done)](error_code ec,
                                                                  io::stream_ptr s) mutable {
                d(ec, s ? std::make_unique<faulty_stream>(std::move(s), faults) : nullptr);
            });
    }
    io::canceller start_resolve(net::any_io_executor executor, std::string host, std::uint16_t port,
                                io::resolve_callback done) override {
        return inner_.start_resolve(std::move(executor), std::move(host), port, std::move(done));
    }
    io::canceller start_resolve_unproven(net::any_io_executor executor, std::string host,
                                         std::uint16_t port, io::resolve_callback done) override {
        return inner_.start_resolve_unproven(std::move(executor), std::move(host), port,
                                             std::move(done));
    }

 private:
    const plan plan_;
    io::network& inner_;
    std::atomic<std::size_t> connections_{0};
};

}  // namespace tidings::test
