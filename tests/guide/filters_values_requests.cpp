// SPDX-License-Identifier: BSL-1.0
// The snippets of docs/guide/filters_values_requests.md.
#include "support/catch2.hpp"

#include <tidings/test/recorder.hpp>
#include <tidings/tidings.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace net = boost::asio;

namespace {

// [request]
net::awaitable<int> price_of(tidings::bus& bus, std::string article) {
    tidings::event question("price.wanted", "/shop", article);
    const auto [ec, answer] =
        co_await bus.async_request("prices.get", std::move(question), std::chrono::seconds(2),
                                   net::as_tuple(net::use_awaitable));
    if (ec) co_return -1;  // errc::no_responders, errc::timed_out, ...
    co_return answer->json().at("cents").get<int>();
}
// [/request]

}  // namespace

TEST_CASE("the guide's filters choose", "[guide]") {
    net::io_context io;
    tidings::bus bus{io};
    const auto seen = std::make_shared<tidings::test::recorder>();
    // [filters]
    using tidings::event_filter;
    const auto urgent = event_filter::all(
        {event_filter::suffix("type", ".failed"), !event_filter::exact("tenant", "test")});
    auto watch = bus.subscribe("jobs.>", seen, {.filter = urgent});

    tidings::error_code ec;  // the same, from a stranger's text
    const auto parsed = event_filter::parse(
        R"({"all": [{"suffix": {"type": ".failed"}}, {"not": {"exact": {"tenant": "test"}}}]})",
        ec);
    // [/filters]
    REQUIRE_FALSE(ec);
    CHECK(parsed.json() == urgent.json());
    bus.publish("jobs.1", {"job.done", "/jobs"});
    bus.publish("jobs.2", {"job.failed", "/jobs"});
    bus.publish("jobs.3", tidings::event("job.failed", "/jobs").extension("tenant", "test"));
    REQUIRE(seen->wait_for(1, io));
    io.poll();
    REQUIRE(seen->events().size() == 1);
    CHECK(seen->events().front()->topic() == "jobs.2");
}

TEST_CASE("the guide's subscription begins with the last values", "[guide]") {
    net::io_context io;
    // [retained]
    tidings::bus bus{io, {.retained = {{.pattern = "lights.*", .max_topics = 1000}}}};
    bus.publish("lights.hall", {"light.on", "/house"});
    bus.publish("lights.attic", {"light.on", "/house"});
    bus.publish("lights.hall", {"light.off", "/house"});

    auto lights = bus.receive("lights.*", {.retained = true});  // attic on, hall off; then changes
    // [/retained]
    io.poll();
    const auto attic = lights.try_receive(), hall = lights.try_receive();
    REQUIRE((attic && hall));
    CHECK((*attic)->topic() == "lights.attic");
    CHECK((*hall)->type() == "light.off");
    CHECK_FALSE(lights.try_receive());
}

TEST_CASE("the guide's request is answered", "[guide]") {
    net::io_context io;
    tidings::bus bus{io};
    // [respond]
    auto prices = bus.respond("prices.get", [](const tidings::event_ptr& question) {
        return tidings::event("price", "/prices", {{"article", question->text()}, {"cents", 250}});
    });
    std::vector<tidings::reply> waiting;
    auto orders = bus.respond("orders.*", [&](const tidings::event_ptr&, tidings::reply reply) {
        waiting.push_back(std::move(reply));  // reply.send(event) when it is known
    });
    // [/respond]
    int price = 0;
    net::co_spawn(io, price_of(bus, "tea"), [&](std::exception_ptr, int p) { price = p; });
    io.poll();
    CHECK(price == 250);
    prices.reset();
    io.restart();
    net::co_spawn(io, price_of(bus, "tea"), [&](std::exception_ptr, int p) { price = p; });
    io.poll();
    CHECK(price == -1);
}
