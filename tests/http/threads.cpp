// SPDX-License-Identifier: BSL-1.0
#include <tidings/http/client.hpp>
#include <tidings/http/server.hpp>
#include <tidings/lane/impl/lane.hpp>

#include "support/catch2.hpp"
#include "support/network_fixture.hpp"
#include "support/two_threads.hpp"

#include <atomic>
#include <future>
#include <thread>

using namespace tidings;
using namespace tidings::test;
using namespace std::chrono_literals;

namespace {

/// Answers, waits for its peer, or takes the connection over; from every lane.
struct busy_service {
    std::shared_ptr<std::atomic<int>> handled = std::make_shared<std::atomic<int>>(0);
    void handle(http::exchange& x) {
        ++*handled;
        if (x.suffix() == "/take") {
            auto taken = x.take();
            auto& stream = *taken.stream;
            static const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ntaken";
            stream.start_write(bytes_of(answer),
                               [t = std::move(taken)](error_code, std::size_t) {});
            return;
        }
        auto later = std::make_shared<http::exchange>(std::move(x));
        const auto lane = later->lane();
        later->on_peer_closed([] {});
        lane->post([later] { later->respond({.body = later->request().body}); });
    }
};

struct traffic {
    http::client& client;
    std::string origin;
    std::atomic<int> left;
    std::atomic<int> completed = 0;
    std::atomic<int> failed = 0;
    std::promise<void> done{};
    std::atomic<int> lines = 16;

    void next() {
        const int n = left--;
        if (n <= 0) {
            if (--lines == 0) done.set_value();
            return;
        }
        const std::string body(static_cast<std::size_t>(n % 100) * 50, 'x');
        client.async_request(origin + (n % 7 == 0 ? "/take" : "/echo"),
                             {.method = "POST", .body = body, .idempotent = true},
                             [this](error_code ec, const http::response&) {
                                 ++(ec ? failed : completed);
                                 next();
                             });
    }
    void start() {
        for (int i = lines; i > 0; --i) next();
    }
};

}  // namespace

TEST_CASE("Two threads serve and ask over four lanes", "[http][threads]") {
    two_threads threads;
    http::server server(threads.io, {.lanes = 4});
    busy_service service;
    const auto handled = service.handled;
    server.mount("/", std::move(service));
    server.start();
    http::client client(threads.io);
    traffic t{client, "http://127.0.0.1:" + std::to_string(server.local_endpoint().port), 400};
    t.start();
    REQUIRE(t.done.get_future().wait_for(60s) == std::future_status::ready);
    CHECK(t.completed == 400);
    CHECK(t.failed == 0);
    CHECK(*handled == 400);
    std::promise<error_code> drained;
    server.async_drain([&](error_code ec) { drained.set_value(ec); });
    auto result = drained.get_future();
    REQUIRE(result.wait_for(60s) == std::future_status::ready);
    CHECK(result.get() == error_code());
    CHECK(server.connections() == 0);
    { const http::client ended(std::move(client)); }
    threads.join();
}

TEST_CASE("A server and a client may end amid the traffic of two threads", "[http][threads]") {
    for (int round = 0; round < 20; ++round) {
        two_threads threads;
        std::optional<http::server> server(std::in_place, threads.io,
                                           http::server_options{.lanes = 4});
        busy_service service;
        const auto handled = service.handled;
        server->mount("/", std::move(service));
        server->start();
        std::optional<http::client> client(std::in_place, threads.io);
        traffic t{*client, "http://127.0.0.1:" + std::to_string(server->local_endpoint().port),
                  200};
        t.start();
        while (*handled < round * 5) std::this_thread::yield();
        if (round % 3 == 0) server.reset();
        if (round % 3 == 1) server->stop();
        if (round % 3 == 2) server->async_drain([](error_code) {});
        REQUIRE(t.done.get_future().wait_for(60s) == std::future_status::ready);
        CHECK(t.completed + t.failed == 200);
        client.reset();
        server.reset();
        threads.join();
    }
}
