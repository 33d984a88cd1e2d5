// SPDX-License-Identifier: BSL-1.0
// Built against Boost 1.88 as one unit with the whole library: cancel_after (Boost 1.86) compiles
// with every operation, and ends those whose waiting can be long.

#include <tidings/src.hpp>
#include <tidings/tidings.hpp>

#include <boost/asio/cancel_after.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdio>
#include <cstdlib>

namespace net = boost::asio;
using namespace std::chrono_literals;
using tidings::error_code;

namespace {

unsigned wrong = 0;
unsigned waiting = 0;  // operations that only a cancellation ends

using work_guard = net::executor_work_guard<net::io_context::executor_type>;
work_guard* work = nullptr;

void ended() {
    if (--waiting == 0) work->reset();
}

void check(bool holds, const char* what) {
    if (holds) return;
    ++wrong;
    std::fprintf(stderr, "wrong: %s\n", what);
}

/// An operation that would wait for ever ends with operation_aborted.
auto cancelled(const char* what) {
    ++waiting;
    return net::cancel_after(1ms, [what](error_code ec, auto&&...) {
        check(ec == net::error::operation_aborted, what);
        ended();
    });
}

/// One that completes by itself does so, and nothing is left of its timer.
auto completes(unsigned& count) {
    return net::cancel_after(1h, [&count](error_code, auto&&...) { ++count; });
}

net::awaitable<void> receive_in_a_coroutine(tidings::bus& bus) {
    auto reader = bus.receive("nothing.comes");
    try {
        co_await reader.async_receive(net::cancel_after(1ms));
        check(false, "async_receive completed");
    } catch (const boost::system::system_error& e) {
        check(e.code() == net::error::operation_aborted, "async_receive under co_await");
    }
    ended();
}

}  // namespace

int main() {
    net::io_context io;
    work_guard guard(io.get_executor());
    work = &guard;
    tidings::bus bus(io);
    auto topic = bus.topic("a");
    unsigned completed = 0, started = 0;

    auto reader = bus.receive("quiet");
    reader.async_receive(cancelled("async_receive"));
    auto batches = bus.receive("quiet");
    batches.async_receive_batch(8, cancelled("async_receive_batch"));

    auto full = bus.receive("full", {.limits = {.max_events = 1},
                                     .overflow = tidings::overflow::backpressure,
                                     .backpressure_deadline = 1h});
    bus.publish("full", tidings::event("t", "/s"));
    bus.async_publish("full", tidings::event("t", "/s"), cancelled("bus::async_publish"));
    bus.topic("full").async_publish(tidings::event("t", "/s"),
                                    cancelled("topic_handle::async_publish"));

    ++started, topic.async_publish(tidings::event("t", "/s"), completes(completed));
    auto watch = bus.subscribe("a", [](const tidings::event_ptr&) {});
    ++started, watch.async_reset(completes(completed));

    ++waiting;
    net::co_spawn(io, receive_in_a_coroutine(bus), net::detached);

    io.run_for(30s);
    check(waiting == 0, "a fired cancel_after ends every operation that waits");
    check(completed == started, "every operation that ends by itself completed");
    return wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
