// SPDX-License-Identifier: BSL-1.0
// Topics as HTTP resources, on a context that two threads run.
#include "support/catch2.hpp"
#include "support/two_threads.hpp"

#include <tidings/bus.hpp>
#include <tidings/http/client.hpp>
#include <tidings/http/server.hpp>
#include <tidings/rest/service.hpp>
#include <tidings/test/recorder.hpp>

#include <atomic>
#include <future>

namespace tidings::test {

using namespace std::chrono_literals;

TEST_CASE("a drain answers every question that waits, over lanes and threads", "[rest][threads]") {
    const std::size_t lanes = GENERATE(1U, 4U);
    constexpr int questions = 48;
    for (int round = 0; round < 10; ++round) {
        CAPTURE(lanes, round);
        two_threads threads;
        std::optional<bus> hub(std::in_place, threads.io,
                               bus_options{.history = {.max_events = 10}});
        hub->publish("a", event("test", "/test", "before"));
        std::optional<http::server> server(std::in_place, threads.io,
                                           http::server_options{.lanes = lanes});
        std::atomic<int> asked = 0;
        server->mount(
            "/topics",
            rest::service(*hub, {.authorizer = [&](const principal&, action, std::string_view) {
                ++asked;
                return true;
            }}));
        server->start();
        const auto url = "http://127.0.0.1:" + std::to_string(server->local_endpoint().port) +
                         "/topics/a?wait=50s&after=" + hub->head().text();
        std::optional<http::client> client(std::in_place, threads.io,
                                           http::client_options{.request_timeout = 60s});
        std::atomic<int> left = questions;
        std::atomic<int> empty = 0;
        std::promise<void> answered;
        for (int i = 0; i < questions; ++i)
            client->async_request(url, {}, [&](error_code ec, const http::response& r) {
                if (!ec && r.status == 200 && r.body == "[]") ++empty;
                if (--left == 0) answered.set_value();
            });
        while (asked < questions) std::this_thread::yield();
        std::promise<error_code> drained;
        server->async_drain([&](error_code ec) { drained.set_value(ec); });
        auto result = drained.get_future();
        REQUIRE(answered.get_future().wait_for(60s) == std::future_status::ready);
        REQUIRE(result.wait_for(60s) == std::future_status::ready);
        CHECK_FALSE(result.get());
        CHECK(empty == questions);
        client.reset();
        server.reset();
        hub.reset();
        threads.join();
    }
}

TEST_CASE("an event that many post at once is published once, over lanes and threads",
          "[rest][threads]") {
    constexpr int posts = 24;
    for (int round = 0; round < 10; ++round) {
        CAPTURE(round);
        two_threads threads;
        std::optional<bus> hub(std::in_place, threads.io,
                               bus_options{.history = {.max_events = 1000}});
        const auto seen = std::make_shared<recorder>();
        auto watch = hub->subscribe(">", seen);
        std::optional<http::server> server(std::in_place, threads.io,
                                           http::server_options{.lanes = 4});
        server->mount("/topics", rest::service(*hub));
        server->start();
        const auto url =
            "http://127.0.0.1:" + std::to_string(server->local_endpoint().port) + "/topics/a";
        std::optional<http::client> client(std::in_place, threads.io);
        std::atomic<int> left = posts;
        std::atomic<int> published = 0;
        std::atomic<int> repeated = 0;
        std::promise<void> answered;
        for (int i = 0; i < posts; ++i) {
            http::request r{.method = "POST"};
            r.fields = {{"Content-Type", "application/cloudevents+json"}};
            r.body = R"({"specversion":"1.0","type":"t","source":"/s","id":"1"})";
            client->async_request(url, std::move(r), [&](error_code, const http::response& a) {
                const bool duplicate = a.body.find("duplicate") != std::string::npos;
                if (a.status == 202 && !duplicate) ++published;
                if (a.status == 409 || duplicate) ++repeated;
                if (--left == 0) answered.set_value();
            });
        }
        REQUIRE(answered.get_future().wait_for(60s) == std::future_status::ready);
        CHECK(published == 1);
        CHECK(repeated == posts - 1);
        client.reset();
        server.reset();
        hub.reset();
        threads.join();
        CHECK(seen->count() == 1);
    }
}

TEST_CASE("a service may close on one thread while others handle its requests",
          "[rest][threads][fault-22]") {
    constexpr int requests = 20;
    for (int round = 0; round < 20; ++round) {
        CAPTURE(round);
        const auto captured = std::make_shared<int>(round);
        two_threads threads;
        std::optional<bus> hub(std::in_place, threads.io);
        rest::service_options o;
        o.authenticator = [captured](const credentials&, error_code&) {
            return principal{.name = std::to_string(*captured), .anonymous = false};
        };
        std::optional<rest::service> service(std::in_place, *hub, std::move(o));
        std::optional<http::server> server(
            std::in_place, threads.io,
            http::server_options{.lanes = 4, .log = [captured](const log_record&) {}});
        server->mount("/topics", *service);
        server->start();
        const auto url =
            "http://127.0.0.1:" + std::to_string(server->local_endpoint().port) + "/topics/a";
        std::optional<http::client> client(std::in_place, threads.io);
        std::atomic<int> left = requests;
        std::promise<void> answered;
        for (int i = 0; i < requests; ++i)
            client->async_request(url, {.method = "POST", .body = "x"},
                                  [&](error_code, const http::response&) {
                                      if (--left == 0) answered.set_value();
                                  });
        while (left > requests - round) std::this_thread::yield();
        service->close();
        REQUIRE(answered.get_future().wait_for(60s) == std::future_status::ready);
        client.reset();
        server.reset();
        hub.reset();
        threads.join();
        CHECK(captured.use_count() == 1);
    }
}

}  // namespace tidings::test
