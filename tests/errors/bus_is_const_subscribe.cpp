// SPDX-License-Identifier: BSL-1.0
// says: take `tidings::bus&`, not const
#include "prelude.hpp"

void mistake(const tidings::bus& bus) {
    auto watch = bus.subscribe("orders.>", [](const tidings::event_ptr&) {});
}
