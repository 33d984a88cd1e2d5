// SPDX-License-Identifier: BSL-1.0
// says: the options of a server are tidings::http::server_options
#include "prelude.hpp"

void mistake(net::io_context& io) {
    tidings::http::server server{io, tidings::bus_options{}};
}
