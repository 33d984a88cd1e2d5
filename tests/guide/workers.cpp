// SPDX-License-Identifier: BSL-1.0
// The snippets of docs/guide/workers.md.
#include "support/catch2.hpp"

#include <tidings/tidings.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <set>
#include <string>
#include <vector>

namespace net = boost::asio;

namespace {

std::set<std::string> done;

net::awaitable<void> resize(const tidings::event_ptr& job) {
    done.emplace(job->text());
    co_return;
}

// [worker]
net::awaitable<void> work(tidings::bus& bus) {
    auto jobs = bus.receive("images.uploaded", {.limits = {.max_events = 1}, .group = "resizers"});
    for (;;) {
        const auto [ec, job] = co_await jobs.async_receive(net::as_tuple(net::use_awaitable));
        if (ec) co_return;  // errc::closed: the bus has ended
        co_await resize(job);
    }
}
// [/worker]

// [job]
net::awaitable<void> hand_out(tidings::bus& bus, std::string file) {
    tidings::event job("image.uploaded", "/shop", file);
    const auto [ec, receipt] = co_await bus.async_publish("images.uploaded", std::move(job),
                                                          net::as_tuple(net::use_awaitable));
    if (ec || receipt.queued == 0) co_return;  // no worker has it
}
// [/job]

}  // namespace

TEST_CASE("the guide's workers share the jobs", "[guide]") {
    net::io_context io;
    {
        tidings::bus bus{io};
        for (int i = 0; i < 3; ++i) net::co_spawn(io, work(bus), net::detached);
        io.poll();
        for (const auto* file : {"a.png", "b.png", "c.png", "d.png"}) {
            net::co_spawn(io, hand_out(bus, file), net::detached);
            io.restart();
            io.poll();
        }
        CHECK(done == std::set<std::string>{"a.png", "b.png", "c.png", "d.png"});
    }
    io.restart();
    io.poll();
}

TEST_CASE("the guide's publisher waits for a worker", "[guide]") {
    net::io_context io;
    tidings::bus bus{io};
    // [waits]
    const tidings::subscribe_options waits{.limits = {.max_events = 4},
                                           .overflow = tidings::overflow::backpressure,
                                           .backpressure_deadline = std::chrono::seconds(30),
                                           .group = "resizers"};
    auto one = bus.receive("images.uploaded", waits);
    auto other = bus.receive("images.uploaded", waits);
    // [/waits]
    std::size_t taken = 0;
    for (int i = 0; i < 9; ++i)
        bus.async_publish(
            "images.uploaded", {"image.uploaded", "/shop", "x"},
            [&](tidings::error_code, const tidings::receipt& r) { taken += r.queued; });
    io.poll();
    CHECK(taken == 8);
    CHECK(one.try_receive());
    io.restart();
    io.poll();
    CHECK(taken == 9);
}
