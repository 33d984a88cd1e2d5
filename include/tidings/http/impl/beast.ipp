// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/beast.hpp>
#include <tidings/io/impl/socket_stream.ipp>

namespace tidings::http::detail {

// A peer that has gone must not be taken for one without an address, which is on this machine.
io::stream_ptr adopt_socket(net::generic::stream_protocol::socket socket) {
    error_code ec;
    auto peer = socket.remote_endpoint(ec);
    if (ec) peer = net::ip::tcp::endpoint();
    return std::make_unique<tidings::detail::socket_stream>(std::move(socket), peer);
}

peer_address describe(const error_code& ec, const net::ip::tcp::endpoint& peer) {
    const auto internet = tidings::detail::internet_endpoint(
        net::generic::stream_protocol::endpoint(ec ? net::ip::tcp::endpoint() : peer));
    const auto text = internet->address.to_string();
    return {(internet->address.is_v6() ? '[' + text + ']' : text) + ':' +
                std::to_string(internet->port),
            internet->address.is_loopback()};
}

}  // namespace tidings::http::detail
