// SPDX-License-Identifier: BSL-1.0
// says: make it with std::make_shared instead of std::make_unique
#include "prelude.hpp"

struct printer : tidings::subscriber {
    tidings::outcome deliver(const tidings::event_ptr&) noexcept override { return {}; }
};

void mistake(tidings::bus& bus) {
    auto watch = bus.subscribe("orders.>", std::make_unique<printer>());
}
