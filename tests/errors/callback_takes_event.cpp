// SPDX-License-Identifier: BSL-1.0
// says: a callback takes `const tidings::event_ptr&`, not an event
#include "prelude.hpp"

void mistake(tidings::bus& bus) {
    auto watch = bus.subscribe("orders.>", [](const tidings::event& e) { (void)e.text(); });
}
