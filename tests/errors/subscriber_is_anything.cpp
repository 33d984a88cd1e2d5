// SPDX-License-Identifier: BSL-1.0
// says: subscribe takes a callback `void(const tidings::event_ptr&)`, a shared_ptr
#include "prelude.hpp"

void mistake(tidings::bus& bus) {
    auto watch = bus.subscribe("orders.>", "orders.42");
}
