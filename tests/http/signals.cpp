// SPDX-License-Identifier: BSL-1.0
#include <tidings/drain.hpp>
#include <tidings/http/client.hpp>
#include <tidings/http/server.hpp>

#include "support/catch2.hpp"
#include "support/network_fixture.hpp"

#include <boost/asio/post.hpp>

#include <csignal>

using namespace tidings;
using namespace tidings::test;

namespace {

/// Drains when it is told to.
class slow_drain final : public detail::drainable {
 public:
    void start_drain(detail::unique_function<void()> done) override { done_ = std::move(done); }
    bool started() const { return static_cast<bool>(done_); }
    void finish() { std::exchange(done_, nullptr)(); }

 private:
    detail::unique_function<void()> done_;
};

struct handle {
    std::shared_ptr<slow_drain> state = std::make_shared<slow_drain>();
    std::shared_ptr<detail::drainable> drain_state() const { return state; }
};

}  // namespace

TEST_CASE("A signal drains everything in order, and run() returns", "[drain]") {
    const auto signal = GENERATE(SIGINT, SIGTERM);
    net::io_context io;
    handle first;
    handle second;
    std::optional<handle> gone(std::in_place);
    drain_on_signal(io, first, *gone, second);
    gone.reset();
    run_ready(io);
    CHECK_FALSE(first.state->started());
    std::raise(signal);
    run_until(io, [&] { return first.state->started(); });
    CHECK_FALSE(second.state->started());
    first.state->finish();
    run_until(io, [&] { return second.state->started(); });
    second.state->finish();
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
