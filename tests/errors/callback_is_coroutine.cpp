// SPDX-License-Identifier: BSL-1.0
// says: a coroutine is no callback: read with bus.receive
#include "prelude.hpp"

void mistake(tidings::bus& bus) {
    auto watch =
        bus.subscribe("orders.>", [](tidings::event_ptr) -> net::awaitable<void> { co_return; });
}
