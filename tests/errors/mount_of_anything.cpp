// SPDX-License-Identifier: BSL-1.0
// says: a service has `void handle(http::exchange&)`
#include "prelude.hpp"

struct nothing {};

void mistake(tidings::http::server& server) {
    server.mount("/nothing", nothing{});
}
