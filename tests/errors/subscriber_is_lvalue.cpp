// SPDX-License-Identifier: BSL-1.0
// says: pass std::make_shared<T>(...), or std::move(it) to hand it over
#include "prelude.hpp"

struct printer : tidings::subscriber {
    tidings::outcome deliver(const tidings::event_ptr&) noexcept override { return {}; }
};

void mistake(tidings::bus& bus, printer& p) {
    auto watch = bus.subscribe("orders.>", p);
}
