// SPDX-License-Identifier: BSL-1.0
// says: take `tidings::bus&`, not const
#include "prelude.hpp"

void mistake(const tidings::bus& bus) {
    bus.publish("orders.42", tidings::event{"order.created", "/shop"});
}
