// SPDX-License-Identifier: BSL-1.0
// says: the completion token is called with (tidings::error_code, tidings::receipt)
#include "prelude.hpp"

void mistake(tidings::bus& bus) {
    bus.async_publish("orders.42", tidings::event{"order.created", "/shop"},
                      [](tidings::receipt) {});
}
