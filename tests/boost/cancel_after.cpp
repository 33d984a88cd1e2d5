// SPDX-License-Identifier: BSL-1.0
// Built against Boost 1.88 as one unit with the whole library: cancel_after (Boost 1.86) compiles
// with every operation, and ends those whose waiting can be long. A new operation is a new line.

#include <tidings/src.hpp>
#include <tidings/tidings.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancel_after.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdio>
#include <cstdlib>

namespace net = boost::asio;
using namespace std::chrono_literals;
using tidings::error_code;

namespace {

unsigned wrong = 0;
unsigned waiting = 0;  // operations that keep `work`

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
    ++waiting;  // a store in memory completes on a thread of the system's
    return net::cancel_after(
        1h, net::bind_executor(work->get_executor(), [&count](error_code, auto&&...) {
            ++count;
            ended();
        }));
}

/// The same in a coroutine that goes on afterwards.
auto in_turn() {
    return net::cancel_after(1h, net::as_tuple(net::use_awaitable));
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

constexpr auto ignore = [](const tidings::event_ptr&) {};

/// What a server answers, and the drains.
net::awaitable<void> operations_in_turn(net::io_context& io, unsigned& completed) {
    tidings::bus bus(io);
    tidings::webhook::sender sender(io);
    tidings::http::server server(io);
    tidings::rest::service topics(bus);
    tidings::sse::service events(bus);
    tidings::websocket::service ws(bus);
    server.mount("/topics", topics);
    server.start();
    const auto all = [](const tidings::principal&) { return true; };
    co_await topics.async_recheck(all, in_turn());
    co_await events.async_recheck(all, in_turn());
    co_await ws.async_recheck(all, in_turn());
    const auto root = "http://127.0.0.1:" + std::to_string(server.local_endpoint().port);
    {
        tidings::rest::client publisher(io, {.url = root + "/topics"});
        tidings::event e("t", "/s");
        co_await publisher.async_publish("a", std::move(e), in_turn());
        tidings::rest_hook::client hook(
            io, {.api_url = root + "/hooks", .event = "a", .target_url = root + "/arrives"});
        co_await hook.async_subscribe(in_turn());
        co_await hook.async_unsubscribe(in_turn());
    }
    {
        tidings::websocket::client websocket(io, {.url = "ws://127.0.0.1/"}, ignore);
        tidings::sse::client sse(io, {.url = root + "/"}, ignore);
        tidings::rest::client rest(io, {.url = root});
        co_await websocket.async_drain(in_turn());
        co_await sse.async_drain(in_turn());
        co_await rest.async_drain(in_turn());
    }
    co_await bus.async_drain(in_turn());
    co_await server.async_drain(in_turn());
    co_await sender.async_drain(in_turn());
    ++completed;
}

/// Against a server that takes connections and never answers.
struct unanswered {
    unanswered(net::io_context& io, unsigned short port)
        : root("127.0.0.1:" + std::to_string(port)),
          http(io),
          websocket(io, {.url = "ws://" + root + "/"}, ignore),
          sse(io, {.url = "http://" + root + "/"}, ignore),
          rest(io, {.url = "http://" + root, .topics = {">"}}, ignore) {
        http.async_request("http://" + root + "/", {}, cancelled("http::client::async_request"));
        websocket.async_run(cancelled("websocket::client::async_run"));
        sse.async_run(cancelled("sse::client::async_run"));
        rest.async_run(cancelled("rest::client::async_run"));
    }
    std::string root;
    tidings::http::client http;
    tidings::websocket::client websocket;
    tidings::sse::client sse;
    tidings::rest::client rest;
};

unsigned stores_and_subscribers(tidings::bus& bus, unsigned& completed) {
    error_code ec;
    const auto e = tidings::publication::make("a", tidings::event("t", "/s"), {}, ec);
    bus.as_subscriber()->async_deliver(e, completes(completed));
    tidings::make_memory_history({})->async_read({}, {">"}, 1, completes(completed));
    const auto outbox = tidings::store::make_memory_outbox();
    outbox->async_append({}, completes(completed));
    outbox->async_claim({}, completes(completed));
    outbox->async_finish({}, completes(completed));
    outbox->async_list({}, completes(completed));
    outbox->async_retain({}, completes(completed));
    outbox->async_open({}, completes(completed));
    outbox->async_list_attempts("", 0, 1, completes(completed));
    outbox->async_list_endpoints("", 1, completes(completed));
    outbox->async_redeliver({}, completes(completed));
    outbox->async_erase("", completes(completed));
    outbox->async_position("", "", completes(completed));
    const auto table = tidings::store::make_memory_table();
    table->async_get("k", completes(completed));
    table->async_put("k", "v", 0, completes(completed));
    table->async_erase("k", 0, completes(completed));
    table->async_scan("", 1, completes(completed));
    return 17;
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
    auto watch = bus.subscribe("a", ignore);
    ++started, watch.async_reset(completes(completed));

    ++waiting;
    net::co_spawn(io, receive_in_a_coroutine(bus), net::detached);
    ++started, net::co_spawn(io, operations_in_turn(io, completed), net::detached);
    net::ip::tcp::acceptor silent(io, {net::ip::address_v4::loopback(), 0});
    const unanswered clients(io, silent.local_endpoint().port());
    started += stores_and_subscribers(bus, completed);

    io.run_for(30s);
    check(waiting == 0, "a fired cancel_after ends every operation that waits");
    check(completed == started, "every operation that ends by itself completed");
    return wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
