// SPDX-License-Identifier: BSL-1.0
// What every handle does once it was moved from. A new handle is a new line of the list.
#include "support/world.hpp"

#include <tidings/bus.hpp>
#include <tidings/event_json.hpp>
#include <tidings/rest/service.hpp>
#include <tidings/rest_hook/client.hpp>
#include <tidings/rest_hook/manager.hpp>
#include <tidings/sse/service.hpp>
#include <tidings/test/recorder.hpp>
#include <tidings/webhook/receiver.hpp>
#include <tidings/webhook/sender.hpp>
#include <tidings/websocket/service.hpp>

#include <boost/asio/bind_executor.hpp>

#include <functional>
#include <map>
#include <string>

namespace tidings::test {

namespace {

const std::string any_secret = "whsec_" + std::string(32, 'S');

webhook::sender_options local_sender(world& w) {
    return {.guard = {.allow_loopback = true, .schemes = {"http"}}, .environment = w.environment()};
}

/// Runs an operation to its end and gives its error.
template <class Operation>
error_code outcome_of(world& w, Operation&& operation) {
    std::optional<error_code> result;
    std::forward<Operation>(operation)(
        net::bind_executor(w.io().get_executor(), [&](error_code ec, auto&&...) { result = ec; }));
    CHECK_FALSE(result);  // never inline
    w.run_until([&] { return result.has_value(); });
    return *result;
}

/// A service below a server's mount point, moved from after it was mounted there by its own moves.
template <class Service>
void check_service(world& w, Service s) {
    const Service taken = std::move(s);
    if constexpr (requires { s.max_body_bytes(); }) {
        CHECK(taken.max_body_bytes() != 0);
        CHECK(s.max_body_bytes() == 0);  // NOLINT(bugprone-use-after-move): what is tested
    }
    http::server server(w.io(), {.environment = w.environment()});
    server.mount("/s", std::move(s));
    server.start();
    CHECK(w.request("POST", url_of(server, "/s/a"), "{}").status == 503);
}

void check_bus(world& w) {
    bus b(w.io(), {.history = {.max_events = 10}});
    const auto handle = b.topic("a");
    const bus taken = std::move(b);
    // NOLINTBEGIN(bugprone-use-after-move): what is tested
    CHECK(b.publish("a", event("t", "/s", "x")).error == errc::closed);
    CHECK(b.publish("a", event_ptr()).error == errc::closed);
    CHECK(outcome_of(w, b.async_publish("a", event("t", "/s", "x"))) == errc::closed);
    CHECK(b.subscribe("a", std::make_shared<recorder>()).error() == errc::closed);
    CHECK(b.subscribe("a", [](const event_ptr&) {}).error() == errc::closed);
    CHECK(b.subscribe("a", immediate, [](const event_ptr&) {}).error() == errc::closed);
    CHECK(b.receive("a").error() == errc::closed);
    error_code ec;
    CHECK_FALSE(b.topic("a", ec));
    CHECK(ec == errc::closed);
    CHECK(b.head().empty());
    CHECK(b.subscriptions() == 0);
    CHECK(b.get_executor());
    CHECK(b.as_subscriber() == nullptr);
    CHECK_THROWS_AS(rest::service(b), std::invalid_argument);
    CHECK_THROWS_AS(sse::service(b), std::invalid_argument);
    CHECK_THROWS_AS(websocket::service(b), std::invalid_argument);
    webhook::sender s(w.io(), local_sender(w));
    CHECK_THROWS_AS(rest_hook::manager(b, s), std::invalid_argument);
    b = bus(w.io());
    CHECK_FALSE(b.publish("a", event("t", "/s", "x")).error);
    // NOLINTEND(bugprone-use-after-move)
    CHECK(handle);
}

void check_topic_handle(world& w) {
    bus b(w.io());
    auto h = b.topic("a");
    const auto taken = std::move(h);
    // NOLINTBEGIN(bugprone-use-after-move): what is tested
    CHECK_FALSE(h);
    CHECK(h.name().empty());
    CHECK(h.publish(event("t", "/s", "x")).error == errc::closed);
    CHECK(outcome_of(w, h.async_publish(event("t", "/s", "x"))) == errc::closed);
    // NOLINTEND(bugprone-use-after-move)
    CHECK(taken.name() == "a");
}

void check_subscription(world& w) {
    bus b(w.io());
    auto s = b.subscribe("a", [](const event_ptr&) {});
    const auto taken = std::move(s);
    // NOLINTBEGIN(bugprone-use-after-move): what is tested
    CHECK_FALSE(s.active());
    CHECK(s.error() == errc::closed);
    CHECK(s.counters().matched == 0);
    s.reset();
    CHECK_FALSE(outcome_of(w, s.async_reset()));
    // NOLINTEND(bugprone-use-after-move)
    CHECK(taken.active());
}

void check_receiver(world& w) {
    bus b(w.io());
    auto r = b.receive("a");
    const auto taken = std::move(r);
    // NOLINTBEGIN(bugprone-use-after-move): what is tested
    CHECK_FALSE(r.active());
    CHECK(r.error() == errc::closed);
    CHECK_FALSE(r.try_receive());
    CHECK(outcome_of(w, r.async_receive()) == errc::closed);
    CHECK(outcome_of(w, r.async_receive_batch(3)) == errc::closed);
    CHECK(r.counters().matched == 0);
    r.reset();
    // NOLINTEND(bugprone-use-after-move)
    CHECK(taken.active());
}

void check_sender(world& w) {
    bus b(w.io());
    webhook::sender s(w.io(), local_sender(w));
    const webhook::sender taken = std::move(s);
    // NOLINTBEGIN(bugprone-use-after-move): what is tested
    error_code ec;
    const auto e = s.endpoint({.url = "http://127.0.0.1/", .secret = any_secret}, ec);
    CHECK(ec == errc::closed);
    CHECK_FALSE(e.active());
    CHECK_THROWS_AS(s.endpoint({.url = "http://127.0.0.1/", .secret = any_secret}),
                    std::invalid_argument);
    CHECK(s.in_flight() == 0);
    CHECK(s.drain_state() == nullptr);
    CHECK_THROWS_AS(rest_hook::manager(b, s), std::invalid_argument);
    s = webhook::sender(w.io(), local_sender(w));
    CHECK(s.endpoint({.url = "http://127.0.0.1/", .secret = any_secret}).active());
    // NOLINTEND(bugprone-use-after-move)
}

void check_endpoint(world& w) {
    webhook::sender s(w.io(), local_sender(w));
    auto e = s.endpoint({.url = "http://127.0.0.1/", .secret = any_secret});
    const auto taken = std::move(e);
    // NOLINTBEGIN(bugprone-use-after-move): what is tested
    CHECK_FALSE(e.active());
    CHECK(e.counters().accepted == 0);
    CHECK(e.as_subscriber() == nullptr);
    e.close();
    // NOLINTEND(bugprone-use-after-move)
    CHECK(taken.active());
}

void check_rest_hook_client(world& w) {
    rest_hook::client c(w.io(), {.api_url = "http://127.0.0.1/hooks",
                                 .event = "a",
                                 .target_url = "http://127.0.0.1/",
                                 .environment = w.environment()});
    const rest_hook::client taken = std::move(c);
    // NOLINTBEGIN(bugprone-use-after-move): what is tested
    CHECK(outcome_of(w, c.async_subscribe()) == errc::closed);
    CHECK(outcome_of(w, c.async_unsubscribe()) == errc::closed);
    CHECK(c.id().empty());
    // NOLINTEND(bugprone-use-after-move)
}

void check_webhook_receiver(world& w) {
    check_service(w, webhook::receiver(std::make_shared<recorder>(), {.allow_unsigned = true}));
}

void check_rest_service(world& w) {
    bus b(w.io());
    rest::service s(b);
    auto taken = std::move(s);
    s.drain();  // NOLINT(bugprone-use-after-move): what is tested
    check_service(w, std::move(taken));
}

template <class Service>
void check_stream_service(world& w) {
    bus b(w.io());
    Service s(b);
    auto taken = std::move(s);
    // NOLINTBEGIN(bugprone-use-after-move): what is tested
    s.drain();
    s.close();
    CHECK(s.sessions() == 0);
    // NOLINTEND(bugprone-use-after-move)
    check_service(w, std::move(taken));
}

void check_manager(world& w) {
    bus b(w.io());
    webhook::sender s(w.io(), local_sender(w));
    check_service(w, rest_hook::manager(b, s, {.environment = w.environment()}));
}

TEST_CASE("a handle that was moved from is closed", "[core][fault-11]") {
    static const std::map<std::string, void (*)(world&)> handles{
        {"bus", check_bus},
        {"topic_handle", check_topic_handle},
        {"subscription", check_subscription},
        {"receiver", check_receiver},
        {"webhook::sender", check_sender},
        {"webhook::endpoint", check_endpoint},
        {"webhook::receiver", check_webhook_receiver},
        {"rest::service", check_rest_service},
        {"sse::service", check_stream_service<sse::service>},
        {"websocket::service", check_stream_service<websocket::service>},
        {"rest_hook::client", check_rest_hook_client},
        {"rest_hook::manager", check_manager},
    };
    for (const auto& [name, check] : handles) {
        INFO(name);
        world w;
        check(w);
    }
}

}  // namespace

}  // namespace tidings::test
