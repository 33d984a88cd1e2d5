// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <tidings/io/network.hpp>

#include <memory>

namespace tidings::detail {

/// `io::network::listen` over the machine's sockets.
TIDINGS_DECL std::unique_ptr<io::acceptor> make_system_acceptor(net::any_io_executor executor,
                                                                const io::listen_options& options,
                                                                error_code& ec);

}  // namespace tidings::detail
