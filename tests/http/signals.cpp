// SPDX-License-Identifier: BSL-1.0
#include <tidings/bus.hpp>
#include <tidings/drain.hpp>
#include <tidings/http/client.hpp>
#include <tidings/http/server.hpp>
#include <tidings/webhook/sender.hpp>

#include "support/catch2.hpp"
#include "support/network_fixture.hpp"

#include <boost/asio/post.hpp>

#include <csignal>

using namespace tidings;
using namespace tidings::test;

namespace {

/// Drains when the test lets it.
class slow_drain final : public drainable {
 public:
    explicit slow_drain(drain_role role) : role_(role) {}
    drain_role role() const noexcept override { return role_; }
    void start_refusing() noexcept override { refusing = true; }
    void start_drain(unique_function<void(error_code)> done) override { done_ = std::move(done); }
    bool started() const { return static_cast<bool>(done_); }
    void finish() { std::exchange(done_, nullptr)(error_code()); }

    bool refusing = false;

 private:
    drain_role role_;
    unique_function<void(error_code)> done_;
};

struct handle {
    explicit handle(drain_role role = drain_role::streams)
        : state(std::make_shared<slow_drain>(role)) {}
    std::shared_ptr<slow_drain> state;
    std::shared_ptr<drainable> drain_state() const { return state; }
};

}  // namespace

TEST_CASE("a signal drains by role, whatever the order of the arguments", "[drain]") {
    const auto signal = GENERATE(SIGINT, SIGTERM);
    net::io_context io;
    handle probes(drain_role::probes);
    handle sender(drain_role::sender);
    handle streams(drain_role::streams);
    handle others(drain_role::streams);
    handle hub(drain_role::bus);
    std::optional<handle> gone(std::in_place);
    drain_on_signal(io, probes, sender, streams, *gone, others, hub);
    gone.reset();
    run_ready(io);
    CHECK_FALSE(hub.state->refusing);
    std::raise(signal);
    run_until(io, [&] { return hub.state->started(); });
    for (const auto* each : {&sender, &streams, &others, &hub}) CHECK(each->state->refusing);
    CHECK_FALSE(streams.state->started());
    hub.state->finish();
    run_until(io, [&] { return streams.state->started() && others.state->started(); });
    streams.state->finish();
    run_ready(io);
    CHECK_FALSE(sender.state->started());
    others.state->finish();
    run_until(io, [&] { return sender.state->started(); });
    sender.state->finish();
    run_until(io, [&] { return probes.state->started(); });
    probes.state->finish();
    io.restart();
    io.run();
    CHECK(io.stopped());
}

TEST_CASE("A second signal stops the context", "[drain]") {
    net::io_context io;
    const auto work = net::make_work_guard(io);
    handle never;
    drain_on_signal(io, never);
    std::raise(SIGINT);
    run_until(io, [&] { return never.state->started(); });
    std::raise(SIGINT);
    io.run();
    CHECK(io.stopped());
}

TEST_CASE("A signal lets the requests under way finish", "[drain]") {
    net::io_context io;
    http::server server(io);
    std::optional<http::exchange> waiting;
    server.mount("/", [&](http::exchange& x) {
        waiting.emplace(std::move(x));
        waiting->on_drain([&] { waiting->respond({.body = "last"}); });
    });
    server.start();
    drain_on_signal(io, server);
    http::client client(io);
    std::string body;
    client.async_request("http://127.0.0.1:" + std::to_string(server.local_endpoint().port) + "/",
                         {}, [&](error_code, http::response r) { body = r.body; });
    run_until(io, [&] { return waiting.has_value(); });
    std::raise(SIGTERM);
    io.run();
    CHECK(body == "last");
    CHECK(server.connections() == 0);
}

TEST_CASE("at SIGTERM a callback publishes, and the webhook of that still goes out", "[drain]") {
    net::io_context io;
    bus hub(io);
    http::server sink(io);
    std::string delivered;
    sink.mount("/", [&](http::exchange& x) {
        delivered = x.request().body;
        x.respond({.status = 204});
        sink.stop();
    });
    sink.start();
    webhook::sender sender(io, {.guard = {.allow_loopback = true, .schemes = {"http"}}});
    const auto port = std::to_string(sink.local_endpoint().port);
    auto hook = hub.subscribe("b", sender.endpoint({.url = "http://127.0.0.1:" + port + "/",
                                                    .secret = "whsec_" + std::string(32, 'S')}));
    auto first = hub.subscribe(
        "a", [&](const event_ptr&) { hub.publish("b", event("last", "/test", "the last word")); });
    auto reader = hub.receive("quiet");
    std::optional<error_code> ended;
    reader.async_receive([&](error_code ec, event_ptr) { ended = ec; });

    http::server front(io);
    front.start();
    drain_on_signal(io, sender, front, hub);
    run_ready(io);
    hub.publish("a", event("first", "/test"));
    std::raise(SIGTERM);
    io.restart();
    io.run();
    CHECK(delivered == "the last word");
    CHECK(ended == make_error_code(errc::closed));
    CHECK(hub.publish("b", event("late", "/test")).error == errc::shutting_down);
}
