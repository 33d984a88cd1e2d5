// SPDX-License-Identifier: BSL-1.0
// One process, no network: an event that is handled inside, shown to a user, and gives rise to
// another, which names it as its cause.
#include <tidings/bus.hpp>
#include <tidings/event_json.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <iostream>

namespace net = boost::asio;

namespace {

struct order {
    int number;
    double total;
};

// Inside: reads the C++ value as it was published, no serialisation between.
void charge(tidings::bus& bus, const tidings::event_ptr& placed) {
    const auto* o = placed->get<order>();
    if (o == nullptr) return;
    auto paid = tidings::event{"com.acme.order.paid", "/billing", {{"amount", o->total}}}.extension(
        "causationid", placed->id());
    bus.publish("orders." + std::to_string(o->number) + ".paid", std::move(paid));
}

// Shown to a user: a coroutine that reads what comes, in order.
net::awaitable<void> show(tidings::receiver events) {
    for (int shown = 0; shown < 2; ++shown) {
        const auto e = co_await events.async_receive(net::use_awaitable);
        std::cout << e->topic();
        if (e->type() == "com.acme.order.paid")
            std::cout << " amount " << e->json()["amount"] << " because of "
                      << std::get<std::string>(*e->extension("causationid"));
        else
            std::cout << " number " << e->get<order>()->number << " id " << e->id();
        std::cout << '\n';
    }
}

}  // namespace

int main() {
    net::io_context io;
    tidings::bus bus{io};
    const auto billing =
        bus.subscribe("orders.*.placed", [&](const tidings::event_ptr& e) { charge(bus, e); });
    net::co_spawn(io, show(bus.receive("orders.>")), [](std::exception_ptr failed) {
        if (failed) std::rethrow_exception(failed);
    });

    auto placed = tidings::event::of("com.acme.order.placed", "/shop", order{42, 99.5});
    placed.id("order-42");
    const auto receipt = bus.publish("orders.42.placed", std::move(placed));
    std::cout << "matched " << receipt.matched << '\n';
    io.run();
}
