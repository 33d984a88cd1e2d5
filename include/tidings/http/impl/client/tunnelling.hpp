// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/http/proxy_network.hpp>

#include <memory>

namespace tidings::http::detail {

/// `io::network::start_connect` through a proxy, whose credentials are in `authorization`: resolves
/// the target by `inner`, has the addresses judged, and asks the proxy for one after another.
TIDINGS_DECL io::canceller start_tunnelling(io::network& inner,
                                            std::shared_ptr<const proxy_options> proxy,
                                            net::any_io_executor executor,
                                            io::connect_options options, io::stream_callback done);

}  // namespace tidings::http::detail
