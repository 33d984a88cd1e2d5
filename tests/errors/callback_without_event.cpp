// SPDX-License-Identifier: BSL-1.0
// says: a callback takes one argument, `const tidings::event_ptr&`
#include "prelude.hpp"

void mistake(tidings::bus& bus) {
    auto watch = bus.subscribe("orders.>", tidings::immediate, [] {});
}
