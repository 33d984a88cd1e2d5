// SPDX-License-Identifier: BSL-1.0
// says: the options of a bus are tidings::bus_options
#include "prelude.hpp"

void mistake(net::io_context& io) {
    tidings::bus bus{io, tidings::http::server_options{}};
}
