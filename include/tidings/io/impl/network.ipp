// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/impl/connecting.hpp>
#include <tidings/io/impl/resolver_pool.hpp>
#include <tidings/io/impl/system_acceptor.hpp>
#include <tidings/io/network.hpp>

namespace tidings::io {

namespace {

class machine_network final : public network {
 public:
    std::unique_ptr<acceptor> listen(net::any_io_executor executor, const listen_options& options,
                                     error_code& ec) override {
        return detail::make_system_acceptor(std::move(executor), options, ec);
    }
    canceller start_connect(net::any_io_executor executor, connect_options options,
                            stream_callback done) override {
        return detail::start_connecting(*this, system_clock(), std::move(executor),
                                        std::move(options), std::move(done));
    }
    canceller start_resolve(net::any_io_executor executor, std::string host, std::uint16_t port,
                            resolve_callback done) override {
        return resolver_.start_resolve(std::move(executor), std::move(host), port, std::move(done));
    }
    canceller start_resolve_unproven(net::any_io_executor executor, std::string host,
                                     std::uint16_t port, resolve_callback done) override {
        return resolver_.start_resolve(std::move(executor), std::move(host), port, std::move(done),
                                       resolver_share::half);
    }

 private:
    resolver_pool resolver_;
};

}  // namespace

network& system_network() noexcept {
    static machine_network instance;
    return instance;
}

}  // namespace tidings::io
