// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/clock.hpp>
#include <tidings/io/network.hpp>

namespace tidings::detail {

/// `io::network::start_connect` over the machine's sockets: resolution, then an attempt per
/// address, each begun when the one before failed or has not answered for a while (RFC 8305 5),
/// then the TLS handshake. `network` is asked for the addresses only.
TIDINGS_DECL io::canceller start_connecting(io::network& network, io::clock& clock,
                                            net::any_io_executor executor,
                                            io::connect_options options, io::stream_callback done);

}  // namespace tidings::detail
