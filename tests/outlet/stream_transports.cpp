// SPDX-License-Identifier: BSL-1.0
// WebSocket and SSE, service and client, over every network: TCP, Unix sockets, TLS, simulated.
#include "support/network_fixture.hpp"

#include <tidings/bus.hpp>
#include <tidings/http/server.hpp>
#include <tidings/sse/client.hpp>
#include <tidings/sse/service.hpp>
#include <tidings/test/fixed_random.hpp>
#include <tidings/test/manual_clock.hpp>
#include <tidings/test/recorder.hpp>
#include <tidings/websocket/client.hpp>
#include <tidings/websocket/service.hpp>

namespace tidings::test {

namespace {

using namespace std::chrono_literals;

/// A bus with both services on a server, over one network.
struct stream_place {
    explicit stream_place(transport t) : net(t), listening(net.listen_options()) {
        http::server_options o;
        o.environment = environment();
        o.unix_path = listening.unix_path;
        o.tls = listening.tls;
        web.emplace(net.context(), std::move(o));
        websocket::service_options ws;
        ws.authorizer = allow_all();
        ws.max_message_bytes = 4U << 20;
        web->mount("/ws", websocket::service(hub, std::move(ws)));
        web->mount("/events", sse::service(hub));
        web->start();
    }
    io::environment environment() { return {&net.network(), &clock, &random}; }
    std::string url(std::string_view scheme, std::string_view path) const {
        const auto host = listening.unix_path.empty()
                              ? "127.0.0.1:" + std::to_string(web->local_endpoint().port)
                              : std::string("localhost");
        return std::string(scheme) + (listening.tls ? "s" : "") + "://" + host + std::string(path);
    }
    template <class Options>
    Options reach(std::string_view scheme, std::string_view path) {
        Options o;
        o.url = url(scheme, path);
        o.topics = {"a.>"};
        o.environment = environment();
        o.unix_path = listening.unix_path;
        if (listening.tls) {
            o.tls.ca_pem = certificates().authority.certificate_pem;
            o.tls.server_name = "localhost";
        }
        return o;
    }
    void publish(std::string_view text) { hub.publish("a.b", event("t", "/s", text)); }

    manual_clock clock;
    fixed_random random;
    network_fixture net;
    io::listen_options listening;
    bus hub{net.context(), {.history = {.max_events = 100}, .clock = &clock}};
    std::optional<http::server> web;
};

std::vector<std::string> texts_of(const recorder& r) {
    std::vector<std::string> texts;
    for (const auto& e : r.events()) texts.emplace_back(e->text());
    return texts;
}

// Byte by byte a million of them would take too long.
std::string large_text(transport t) {
    return long_text(t == transport::sim_byte ? 3000 : 1U << 20);
}

}  // namespace

TEST_CASE("WebSocket clients get and send events over every network", "[websocket]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    stream_place place(t);
    const auto large = large_text(t);
    const auto one = std::make_shared<recorder>(), two = std::make_shared<recorder>();
    const auto make = [&](const std::shared_ptr<recorder>& to) {
        auto o = place.reach<websocket::client_options>("ws", "/ws");
        o.max_message_bytes = o.limits.max_bytes = o.max_sent_bytes = 4U << 20;
        o.after.emplace();
        websocket::client made(place.net.executor(), std::move(o), to);
        made.start();
        return made;
    };
    auto first = make(one), second = make(two);
    place.publish("small");
    place.publish(large);
    place.net.run_until([&] { return one->count() == 2 && two->count() == 2; });
    CHECK(texts_of(*one) == std::vector<std::string>{"small", large});
    CHECK(texts_of(*two) == std::vector<std::string>{"small", large});

    error_code ec;
    const auto outlet = first.as_subscriber();
    for (const auto& text : {large, std::string("last")})
        CHECK(outlet->deliver(publication::make("a.c", event("t", "/s", text), {}, ec)) ==
              outcome::queued);
    place.net.run_until([&] { return two->count() == 4; });
    CHECK(two->events()[2]->text() == large);
    CHECK(two->events()[3]->text() == "last");
    CHECK(one->count() == 2);

    first.stop();
    place.net.run_until([&] { return place.hub.subscriptions() == 1; });
    place.web.reset();
    place.net.run_until([&] { return !second.connection(); });
}

TEST_CASE("SSE clients get events over every network", "[sse]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    stream_place place(t);
    const auto large = large_text(t);
    const auto one = std::make_shared<recorder>(), two = std::make_shared<recorder>();
    const auto make = [&](const std::shared_ptr<recorder>& to) {
        auto o = place.reach<sse::client_options>("http", "/events?after=");
        o.limits.max_line_bytes = o.limits.max_event_bytes = 4U << 20;
        sse::client made(place.net.executor(), std::move(o), to);
        made.start();
        return made;
    };
    auto first = make(one);
    const auto second = make(two);
    place.publish("small");
    place.publish(large);
    place.net.run_until([&] { return one->count() == 2 && two->count() == 2; });
    CHECK(texts_of(*one) == std::vector<std::string>{"small", large});
    CHECK(texts_of(*two) == std::vector<std::string>{"small", large});
    // What its sink has taken moves its place a moment later.
    place.net.run_until([&] { return first.last_event_id() == place.hub.head().text(); });

    first.stop();
    place.net.run_until([&] { return place.hub.subscriptions() == 1; });
    place.web->async_drain([](error_code) {});
    place.net.run_until([&] { return second.state() == connection_state::waiting; });
}

TEST_CASE("A stream that is drained, or whose client goes, leaves nothing over any network",
          "[websocket][sse]") {
    const auto t = GENERATE(from_range(every_transport));
    CAPTURE(t);
    stream_place place(t);
    const auto seen = std::make_shared<recorder>();
    std::optional<websocket::client> ws(std::in_place, place.net.executor(),
                                        place.reach<websocket::client_options>("ws", "/ws"), seen);
    ws->start();
    std::optional<sse::client> events(std::in_place, place.net.executor(),
                                      place.reach<sse::client_options>("http", "/events"), seen);
    events->start();
    place.net.run_until([&] { return place.hub.subscriptions() == 2; });
    if (GENERATE(true, false)) {
        ws.reset();
        events.reset();
    }
    bool drained = false;
    place.web->async_drain([&](error_code ec) { drained = !ec; });
    place.net.run_until([&] { return drained; });
    CHECK(place.hub.subscriptions() == 0);
    CHECK(place.web->connections() == 0);
}

}  // namespace tidings::test
