// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/network.hpp>

#include <boost/asio/post.hpp>

#include <cstdint>
#include <memory>
#include <utility>

namespace tidings::interop {

/// The internet of a test: every name has one public address, which guards judge, and every
/// connection leads to one port of this machine. What listens is the system's. For a context that
/// one thread runs.
class stand_in_network final : public io::network {
 public:
    explicit stand_in_network(std::uint16_t port) : port_(port) {}

    std::unique_ptr<io::acceptor> listen(net::any_io_executor executor,
                                         const io::listen_options& options,
                                         error_code& ec) override {
        return system_.listen(std::move(executor), options, ec);
    }
    io::canceller start_connect(net::any_io_executor executor, io::connect_options options,
                                io::stream_callback done) override {
        options.port = port_;
        options.addresses = {net::ip::address_v4::loopback()};
        if (options.address_filter)
            options.address_filter = [filter = std::move(options.address_filter)](const auto&) {
                return filter(public_address());
            };
        return system_.start_connect(std::move(executor), std::move(options), std::move(done));
    }
    io::canceller start_resolve(net::any_io_executor executor, std::string, std::uint16_t port,
                                io::resolve_callback done) override {
        const auto pending = std::make_shared<io::resolve_callback>(std::move(done));
        net::post(executor, [pending, port] {
            if (auto f = std::exchange(*pending, nullptr)) f({}, {{public_address(), port}});
        });
        return [pending] { *pending = nullptr; };
    }

 private:
    // Never connected to.
    static net::ip::address public_address() { return net::ip::make_address("93.184.215.14"); }

    const std::uint16_t port_;
    io::network& system_ = io::system_network();
};

}  // namespace tidings::interop
