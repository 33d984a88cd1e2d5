// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/impl/client/proxy_silence.hpp>
#include <tidings/http/proxy_network.hpp>

#include <memory>

namespace tidings::http::detail {

/// A proxy, and the network in which it is. Its credentials are in `authorization`.
struct proxy_place {
    io::network& inner;
    std::shared_ptr<const proxy_options> options;
    std::shared_ptr<proxy_silence> silence;
};

/// `io::network::start_connect` through a proxy: resolves the target by `inner`, has the addresses
/// judged, and asks the proxy for one after another.
TIDINGS_DECL io::canceller start_tunnelling(proxy_place proxy, net::any_io_executor executor,
                                            io::connect_options options, io::stream_callback done);

}  // namespace tidings::http::detail
