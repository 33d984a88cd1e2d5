// SPDX-License-Identifier: BSL-1.0
// says: mount takes the service over: std::move it
#include "prelude.hpp"

void mistake(tidings::http::server& server, tidings::sse::service& events) {
    server.mount("/events", events);
}
