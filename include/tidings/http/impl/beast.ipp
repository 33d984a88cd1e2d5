// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/beast.hpp>
#include <tidings/io/impl/descriptor.hpp>
#include <tidings/io/impl/socket_stream.hpp>

namespace tidings::http::detail {

using namespace tidings::detail;

// A peer that has gone must not be taken for one without an address, which is on this machine.
io::stream_ptr adopt_socket(net::generic::stream_protocol::socket socket) {
    error_code ec;
    auto peer = socket.remote_endpoint(ec);
    if (ec) peer = net::ip::tcp::endpoint();
    tidings::detail::set_close_on_exec(socket.native_handle());
    return make_socket_stream(std::move(socket), peer);
}

peer_address describe(const error_code& ec, const net::ip::tcp::endpoint& peer) {
    const auto address = tidings::detail::internet_address(
        net::generic::stream_protocol::endpoint(ec ? net::ip::tcp::endpoint() : peer));
    return {tidings::detail::to_text(*address), address->address.is_loopback()};
}

}  // namespace tidings::http::detail
