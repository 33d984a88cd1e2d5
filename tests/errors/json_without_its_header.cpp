// SPDX-License-Identifier: BSL-1.0
// says: data in braces is JSON: #include <tidings/event_json.hpp>
#include <tidings/bus.hpp>

void mistake(tidings::bus& bus) {
    bus.publish("orders.42", {"order.created", "/shop", {{"total", 99}}});
}
