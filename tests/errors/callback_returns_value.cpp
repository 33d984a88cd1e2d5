// SPDX-License-Identifier: BSL-1.0
// says: a callback returns void
#include "prelude.hpp"

void mistake(tidings::bus& bus) {
    auto watch = bus.subscribe("orders.>", [](const tidings::event_ptr& e) { return e->topic(); });
}
